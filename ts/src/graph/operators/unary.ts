/** unary: a function of one number and of constant ones, element by element. */
import type { ElementStep } from '../../ops/kernels.js';
import { floats, type Operator, sameRows, shapeAt } from './operator.js';

/** A step that begins with x and takes numbers besides: any but `select`, whose x is a condition. */
export type UnaryKind = Exclude<ElementStep, 'select'>;

/** Input: x of any rank. */
export interface Unary {
  /** `rsub`: number - x; `rdiv`: number / x; the other arithmetic: x op number. */
  readonly kind: UnaryKind;
  /** What the function takes besides x. */
  readonly numbers: readonly number[];
}

export const unary: Operator<Unary> = {
  roles: ['input'],
  infer: (_attributes, inputs) => [floats(shapeAt(inputs, 0))],
  lower: ({ attributes: { kind, numbers }, outputs: [shape] }, to) => [
    to.append('pointwise', [to.x], { program: [{ step: kind, args: numbers }] }, shape ?? []),
  ],
  rows: sameRows,
};
