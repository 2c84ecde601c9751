/** parameter: stored tensors of every type and of any strides, as values in `forward`. */
import { Tensor } from 'gouache';
import { Parameter, type StoredTensor } from 'gouache/nn';
import { EXACT } from '../tolerances.js';
import { at, fill, type NdArray, random, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

/** The number that the bits of a 16-bit float with `exponentBits` stand for. */
function small(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const [exponent, fraction] = [(bits & 0x7fff) >> fractionBits, bits & (2 ** fractionBits - 1)];
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits & 0x8000 ? -1 : 1;
  const scaled = fraction / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1)
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? scaled * 2 ** (1 - bias) : (1 + scaled) * 2 ** (exponent - bias));
}

const TYPES: readonly (readonly [StoredTensor['dtype'], number, (view: DataView, at: number) => number])[] = [
  ['F32', 4, (view, i) => view.getFloat32(i, true)],
  ['F64', 8, (view, i) => Math.fround(view.getFloat64(i, true))],
  ['F16', 2, (view, i) => small(view.getUint16(i, true), 5)],
  ['BF16', 2, (view, i) => small(view.getUint16(i, true), 8)],
];

/** Shape and strides: dense, transposed, a repeated row, channels last. */
const LAYOUTS: readonly (readonly [Shape, Shape])[] = [
  [[5], [1]],
  [
    [3, 7],
    [1, 3],
  ],
  [
    [4, 5],
    [0, 1],
  ],
  [
    [2, 3, 4, 5],
    [60, 1, 15, 3],
  ],
];

export const cases: Cases = (seed) =>
  TYPES.flatMap(([dtype, elementBytes, read], type) =>
    LAYOUTS.map(([shape, strides], index): OpCase => {
      const next = random(seed * 100 + type * 10 + index);
      const bytes = Uint8Array.from({ length: 128 * elementBytes }, () => next() * 256);
      const view = new DataView(bytes.buffer);
      const place = (i: readonly number[]): number =>
        i.reduce((sum, one, axis) => sum + one * (strides[axis] ?? 0), 0);
      const wanted: NdArray = fill(shape, (i) => read(view, place(i) * elementBytes));
      const parameter = new Parameter({ bytes, dtype, shape, strides });
      const ones = Tensor.from(
        Float32Array.from(wanted.data, () => 1),
        shape,
      );
      return {
        name: `${dtype} [${shape}] with strides [${strides}]`,
        inputs: [ones],
        target: (v) => v.mul(parameter),
        wanted: fill(shape, (i) => at(wanted, i)),
        tolerance: EXACT,
      };
    }),
  );
