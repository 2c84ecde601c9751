/** slice: every so-manieth element between two, along each axis, as NumPy's x[a:b:c] and ONNX's Slice. */
import { denseStrides, type Shape } from '../../tensor/shape.js';
import { allRows, floats, type Operator, sameRows } from './operator.js';

/** Input: x of any rank. Checked by who makes it: each axis' first element, how many there are, and the step, which may be negative. */
export interface Slice {
  readonly starts: readonly number[];
  readonly sizes: Shape;
  readonly steps: readonly number[];
}

export const slice: Operator<Slice> = {
  roles: ['input'],
  infer: ({ sizes }) => [floats(sizes)],
  lower({ attributes: { starts, sizes, steps }, inputs: [x] }, to) {
    const strides = denseStrides(x ?? []);
    const start = starts.reduce((sum, first, axis) => sum + first * (strides[axis] ?? 0), 0);
    const map = { sizes, strides: strides.map((stride, axis) => stride * (steps[axis] ?? 1)), start };
    return [to.append('move', [to.x], map, sizes)];
  },
  rows(use, { first, last }) {
    const { starts, steps } = use.attributes;
    const axis = starts.length - 2;
    if (axis < 0) return allRows(use);
    const rowOf = (row: number): number => (starts[axis] ?? 0) + row * (steps[axis] ?? 1);
    const [a, b] = [rowOf(first), rowOf(last)];
    return sameRows(use, { first: Math.min(a, b), last: Math.max(a, b) });
  },
};
