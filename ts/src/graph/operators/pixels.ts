/** pixels_in and pixels_out: between 8-bit pixels and a picture of numbers. */
import type { Kernels } from '../../ops/kernels.js';
import { allRows, floats, type Operator } from './operator.js';

export type PixelsIn = Kernels['pixels_in'];
export type PixelsOut = Kernels['pixels_out'];

/** Input: pixels (uint8, [height, width, channels]). Output [1 C H W]. */
export const pixelsIn: Operator<PixelsIn> = {
  roles: ['pixels'],
  infer: ({ outputChannels, outputHeight, outputWidth }) => [
    floats([1, outputChannels, outputHeight, outputWidth]),
  ],
  lower: ({ attributes, outputs: [shape] }, to) => [to.append('pixels_in', [to.x], attributes, shape ?? [])],
  rows: allRows,
};

/** Inputs: [1 C H W], and the source pixels for their alpha and colours, or null. Output: RGBA bytes [height, width, 4]. */
export const pixelsOut: Operator<PixelsOut> = {
  roles: ['input', 'pixels'],
  infer: ({ height, width }) => [{ shape: [height, width, 4], dtype: 'uint8' }],
  lower: ({ attributes, outputs: [shape] }, to) => [
    to.append('pixels_out', to.inputs, attributes, shape ?? [], 'uint8'),
  ],
  rows: allRows,
};
