/** conv_transpose2d: every input element adds its multiple of the kernel to the output. */
import { functional as F, Parameter } from 'gouache/nn';
import { CONVOLUTION } from '../tolerances.js';
import { arrayOf, at, at4, fill, map, type NdArray, random, randomTensor, type Shape4 } from './array.js';
import type { Cases, OpCase } from './case.js';

interface Settings {
  readonly stride?: readonly [number, number];
  readonly padding?: readonly [number, number];
  readonly outputPadding?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly groups?: number;
}

/** y[n, g + o, i s - p + k d, j s - p + l d] += w[c, o, k, l] x[n, c, i, j], g the first output of c's group, on top of b */
export function convTranspose2d(x: NdArray, w: NdArray, b: NdArray | null, settings: Settings = {}): NdArray {
  const {
    stride: [sh, sw] = [1, 1],
    padding: [ph, pw] = [0, 0],
    outputPadding: [oh, ow] = [0, 0],
    dilation: [dh, dw] = [1, 1],
    groups = 1,
  } = settings;
  const [n, c, height, width] = x.shape as Shape4;
  const [, o, kh, kw] = w.shape as Shape4;
  const outHeight = (height - 1) * sh - 2 * ph + (kh - 1) * dh + 1 + oh;
  const outWidth = (width - 1) * sw - 2 * pw + (kw - 1) * dw + 1 + ow;
  const y = fill([n, o * groups, outHeight, outWidth], ([, channel = 0]) =>
    b === null ? 0 : at(b, [channel]),
  );
  fill([n, c, height, width, o, kh, kw], ([s = 0, from = 0, i = 0, j = 0, to = 0, k = 0, l = 0]) => {
    const [row, column] = [i * sh - ph + k * dh, j * sw - pw + l * dw];
    if (row >= 0 && row < outHeight && column >= 0 && column < outWidth) {
      const channel = Math.floor(from / (c / groups)) * o + to;
      const place = ((s * o * groups + channel) * outHeight + row) * outWidth + column;
      y.data[place] = (y.data[place] ?? 0) + at4(w, from, to, k, l) * at4(x, s, from, i, j);
    }
    return 0;
  });
  return y;
}

const absolute = (x: NdArray | null): NdArray => map(x ?? { shape: [], data: new Float64Array(1) }, Math.abs);

/** Input shape, output channels, kernel, settings. */
const SIZES: readonly (readonly [Shape4, number, readonly [number, number], Settings])[] = [
  [[1, 1, 1, 1], 1, [1, 1], {}],
  [[1, 3, 5, 7], 4, [3, 3], { stride: [2, 2], padding: [1, 1], outputPadding: [1, 1] }],
  [[2, 9, 4, 13], 5, [3, 3], { stride: [2, 2], padding: [1, 1] }],
  [[1, 4, 6, 6], 8, [4, 4], { stride: [2, 2], padding: [1, 1] }],
  [[1, 8, 3, 25], 3, [3, 3], { padding: [1, 1] }],
  [[1, 5, 4, 5], 9, [2, 5], { stride: [3, 2], padding: [0, 1], outputPadding: [2, 0] }],
  [[1, 2, 3, 4], 1, [1, 2], { stride: [2, 3], outputPadding: [1, 2] }],
  // Distances between staged pixels that are compiled in where multiply and add are two instructions.
  [[1, 32, 2, 7], 9, [3, 3], { stride: [2, 2], padding: [1, 1], outputPadding: [1, 1] }],
  [[1, 64, 2, 5], 8, [1, 3], { stride: [1, 2], padding: [0, 1] }],
  [[1, 128, 2, 5], 8, [1, 2], { stride: [1, 2] }],
  [[1, 256, 1, 5], 8, [1, 2], { stride: [1, 2] }],
  [[2, 6, 4, 5], 9, [3, 3], { groups: 3, stride: [2, 2], padding: [1, 1], outputPadding: [1, 1] }],
  [[1, 8, 3, 7], 8, [4, 2], { groups: 8, stride: [2, 1] }],
  [[1, 3, 4, 5], 5, [3, 2], { dilation: [2, 3], outputPadding: [1, 2] }],
  [[1, 8, 5, 4], 4, [2, 3], { groups: 2, dilation: [3, 2], stride: [2, 3], padding: [1, 2] }],
];

export const cases: Cases = (seed) =>
  SIZES.flatMap(([shape, o, [kh, kw], settings], index): OpCase[] => {
    const next = random(seed * 100 + index);
    const x = randomTensor(next, shape);
    const w = randomTensor(next, [shape[1], o / (settings.groups ?? 1), kh, kw]);
    const b = index % 3 === 0 ? null : randomTensor(next, [o]);
    const weight = new Parameter(w);
    const bias = b === null ? null : new Parameter(b);
    const [xs, ws, bs] = [arrayOf(x), arrayOf(w), b === null ? null : arrayOf(b)];
    const wanted = convTranspose2d(xs, ws, bs, settings);
    const scale = convTranspose2d(absolute(xs), absolute(ws), absolute(bs), settings);
    const name = `[${shape}] by [${w.shape}] ${JSON.stringify(settings)}`;
    const common = { inputs: [x], tolerance: CONVOLUTION, scale };
    return [
      { ...common, name, target: (v) => F.convTranspose2d(v, weight, { bias, ...settings }), wanted },
      {
        ...common,
        name: `${name}, relu`,
        target: (v) => F.relu(F.convTranspose2d(v, weight, { bias, ...settings })),
        wanted: map(wanted, (value) => Math.max(value, 0)),
      },
    ];
  });
