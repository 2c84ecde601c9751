/** binary: a function of two values, broadcast as NumPy does. */
import { ShapeError, UnsupportedError } from '../../errors.js';
import { begunWith, ofOperands } from '../../ops/pointwise_program.js';
import { denseAxes, walkOf } from '../../ops/pointwise_walk.js';
import type { StepName } from '../../ops/records.gen.js';
import { broadcast, sameShape, spell } from '../../tensor/shape.js';
import { floats, type Operator, sameRows, shapeAt } from './operator.js';

export type BinaryKind = 'add' | 'sub' | 'mul' | 'div';

/** Inputs: two, of any rank. */
export interface Binary {
  readonly kind: BinaryKind & StepName;
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
    if (walkOf(denseAxes(shape, [a, b]), 2) === null) {
      throw new UnsupportedError('more than six groups of axes', {
        op: caller,
        got: `${spell(a)} and ${spell(b)}`,
        wanted: 'axes that merge into at most six, each repeated or not',
        hint: 'Use view to merge axes first.',
      });
    }
    return [floats(shape)];
  },
  lower({ attributes: { kind }, inputs: [a, b], outputs: [shape] }, to) {
    const written = { program: ofOperands(kind, 1), inputs: to.inputs };
    const [, other = null] = to.inputs;
    // A repeated operand is cheapest as an argument.
    const isRepeated = !sameShape(a ?? [], shape ?? []) && sameShape(b ?? [], shape ?? []);
    const { program, inputs } = (isRepeated ? begunWith(written, other) : null) ?? written;
    return [to.append('pointwise', inputs, { program }, shape ?? [])];
  },
  rows: sameRows,
};
