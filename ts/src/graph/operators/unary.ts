/** unary: a function of one number, or arithmetic with a constant one, element by element. */
import type { UnaryKind } from '../../ops/kernels.js';
import { floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Input: x of any rank. */
export interface Unary {
  readonly kind: UnaryKind;
  /** The second operand of arithmetic; 0 otherwise. */
  readonly value: number;
}

export const unary: Operator<Unary> = {
  roles: ['input'],
  infer: (_attributes, inputs) => [floats(shapeAt(inputs, 0))],
  lower: ({ attributes, outputs: [shape] }, to) => [to.append('unary', [to.x], attributes, shape ?? [])],
  rows: sameRows,
};
