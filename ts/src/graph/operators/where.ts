/** where: one of two values, or numbers, as a condition is not 0 or is; broadcast as NumPy does. NaN is not 0. */
import type { PointwiseStep } from '../../ops/kernels.js';
import { floats, type Operator, sameRows, shapeAt } from './operator.js';
import { broadcastAll } from './pointwise_shapes.js';

/** Inputs: condition, then?, otherwise?; a number stands for each that is absent. */
export interface Where {
  readonly numbers: readonly [then: number, otherwise: number];
}

export const where: Operator<Where> = {
  roles: ['condition', 'input', 'other'],
  infer(_attributes, inputs, caller) {
    const given = inputs.flatMap((input, index) => (input === null ? [] : [shapeAt(inputs, index)]));
    return [floats(broadcastAll(given, caller))];
  },
  lower({ attributes: { numbers }, outputs: [shape] }, to) {
    const inputs = to.inputs.filter((id) => id !== null);
    const args: PointwiseStep['args'] = numbers.map((number, index) => {
      const id = to.inputs[index + 1];
      return id == null ? number : { operand: inputs.indexOf(id, 1) };
    });
    return [to.append('pointwise', inputs, { program: [{ step: 'select', args }] }, shape ?? [])];
  },
  rows: sameRows,
};
