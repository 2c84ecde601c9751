/** binary: a function of two values, broadcast as NumPy does. */
import { begunWith, ofOperands } from '../../ops/pointwise_program.js';
import { sameShape } from '../../tensor/shape.js';
import { floats, type Operator, sameRows, shapeAt } from './operator.js';
import { broadcastAll } from './pointwise_shapes.js';

/** `leaky_relu`: the other one is the slope. */
export type BinaryKind = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'min' | 'max' | 'leaky_relu';

/** Inputs: two, of any rank. */
export interface Binary {
  readonly kind: BinaryKind;
}

export const binary: Operator<Binary> = {
  roles: ['input', 'other'],
  infer: (_attributes, inputs, caller) => [
    floats(broadcastAll([shapeAt(inputs, 0), shapeAt(inputs, 1)], caller)),
  ],
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
