/** binary: arithmetic of two values, broadcast as NumPy does. */
import { ShapeError } from '../../errors.js';
import { mergeAxes } from '../../ops/factor.js';
import type { BinaryKind } from '../../ops/kernels.js';
import { broadcast, broadcastTags, sameShape, spell } from '../../tensor/shape.js';
import { floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Inputs: two, of any rank. */
export interface Binary {
  readonly kind: BinaryKind;
}

export const binary: Operator<Binary> = {
  roles: ['input', 'other'],
  infer(_attributes, inputs, caller) {
    const [a, b] = [shapeAt(inputs, 0), shapeAt(inputs, 1)];
    const shape = broadcast(a, b);
    if (shape === null) {
      throw new ShapeError('the shapes do not broadcast', {
        op: caller,
        got: `${spell(a)} and ${spell(b)}`,
        wanted: 'sizes that are equal or 1, counted from the last axis',
      });
    }
    // Refuses what no N C H W factoring can say.
    if (!sameShape(a, b)) mergeAxes(shape, broadcastTags(a, b, shape), caller);
    return [floats(shape)];
  },
  lower: ({ attributes: { kind }, outputs: [shape] }, to) => [
    to.append('binary', to.inputs, { kind, activation: 'none' }, shape ?? []),
  ],
  rows: sameRows,
};
