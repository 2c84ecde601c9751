/** conv2d: the definition. */
import { functional as F, Parameter } from 'gouache/nn';
import { CONVOLUTION } from '../tolerances.js';
import { arrayOf, at, at4, fill, map, type NdArray, random, randomTensor, type Shape4 } from './array.js';
import type { Cases, OpCase } from './case.js';
import { pad } from './pad.js';

interface Settings {
  readonly stride?: readonly [number, number];
  readonly padding?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly groups?: number;
}

/** y[n, o, i, j] = b[o] + sum over c, k, l of w[o, c, k, l] x[n, g + c, i s - p + k d, j s - p + l d], g the first channel of o's group */
export function conv2d(x: NdArray, w: NdArray, b: NdArray | null, settings: Settings = {}): NdArray {
  const {
    stride: [sh, sw] = [1, 1],
    padding: [ph, pw] = [0, 0],
    dilation: [dh, dw] = [1, 1],
    groups = 1,
  } = settings;
  const [n, , height, width] = x.shape as Shape4;
  const [o, c, kh, kw] = w.shape as Shape4;
  const outHeight = Math.floor((height + 2 * ph - dh * (kh - 1) - 1) / sh) + 1;
  const outWidth = Math.floor((width + 2 * pw - dw * (kw - 1) - 1) / sw) + 1;
  return fill([n, o, outHeight, outWidth], ([sample = 0, channel = 0, i = 0, j = 0]) => {
    let sum = b === null ? 0 : at(b, [channel]);
    const first = Math.floor(channel / (o / groups)) * c;
    for (let k = 0; k < kh; k++) {
      for (let l = 0; l < kw; l++) {
        const [row, column] = [i * sh - ph + k * dh, j * sw - pw + l * dw];
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        for (let from = 0; from < c; from++) {
          sum += at4(w, channel, from, k, l) * at4(x, sample, first + from, row, column);
        }
      }
    }
    return sum;
  });
}

const absolute = (x: NdArray | null): NdArray => map(x ?? { shape: [], data: new Float64Array(1) }, Math.abs);

/** Input shape, output channels, kernel, settings. Channels around the lanes and blocks of 4 and 8, widths around tiles of 4 and 6 pixels. */
const SIZES: readonly (readonly [Shape4, number, readonly [number, number], Settings])[] = [
  [[1, 1, 1, 1], 1, [1, 1], {}],
  [[1, 3, 7, 5], 4, [3, 3], { padding: [1, 1] }],
  [[2, 4, 6, 13], 9, [3, 3], { padding: [1, 1] }],
  [[1, 5, 9, 7], 8, [3, 3], { stride: [2, 2], padding: [1, 1] }],
  [[1, 8, 5, 25], 3, [9, 9], { padding: [4, 4] }],
  [[1, 3, 12, 11], 7, [7, 7], {}],
  [[2, 9, 8, 6], 17, [1, 1], {}],
  [[1, 2, 11, 10], 5, [2, 4], { stride: [3, 1], padding: [0, 2] }],
  [[1, 4, 13, 12], 4, [3, 2], { dilation: [2, 3], padding: [2, 1] }],
  [[1, 12, 3, 49], 1, [3, 3], { padding: [1, 1] }],
  // Distances between staged pixels that are compiled in where multiply and add are two instructions: 32, 64, 128, 256 floats.
  [[1, 32, 4, 7], 9, [3, 3], { padding: [1, 1] }],
  [[1, 64, 2, 5], 8, [1, 3], {}],
  [[1, 64, 3, 6], 8, [3, 3], { stride: [2, 2], padding: [1, 1] }],
  [[1, 256, 2, 5], 8, [1, 2], {}],
  // A group a channel: a last block that is not whole, widths around the register tile of 4 pixels, other kernels than of three columns.
  [[2, 5, 6, 19], 5, [3, 3], { groups: 5, padding: [1, 1] }],
  [[1, 16, 9, 8], 16, [3, 3], { groups: 16 }],
  [[1, 12, 11, 10], 12, [5, 4], { groups: 12, stride: [2, 3], padding: [2, 1] }],
  [[1, 3, 13, 12], 3, [3, 3], { groups: 3, dilation: [2, 3], padding: [2, 3] }],
  // Groups of whole blocks, groups that are joined to such, and those that are not.
  [[2, 8, 5, 9], 16, [3, 3], { groups: 2, padding: [1, 1] }],
  [[1, 24, 5, 7], 12, [3, 2], { groups: 3, stride: [1, 2] }],
  // Groups of four channels, whose register tile has 5 or 8 pixels: wider and narrower rows, other heights, and what it does not do.
  [[2, 12, 5, 19], 12, [3, 3], { groups: 3, padding: [1, 1] }],
  [[1, 8, 9, 6], 8, [5, 3], { groups: 2, padding: [2, 0] }],
  [[1, 8, 7, 12], 8, [3, 3], { groups: 2, stride: [2, 1], padding: [1, 1] }],
  [[1, 8, 7, 12], 8, [3, 3], { groups: 2, stride: [1, 2], dilation: [2, 1], padding: [2, 1] }],
  [[2, 8, 5, 7], 16, [3, 3], { groups: 8, padding: [1, 1] }],
  [[1, 12, 4, 5], 6, [1, 3], { groups: 6, dilation: [1, 2] }],
  [[1, 6, 4, 5], 9, [2, 2], { groups: 3 }],
];

export const cases: Cases = (seed) =>
  SIZES.flatMap(([shape, o, [kh, kw], settings], index): OpCase[] => {
    const next = random(seed * 100 + index);
    const x = randomTensor(next, shape);
    const w = randomTensor(next, [o, shape[1] / (settings.groups ?? 1), kh, kw]);
    const b = index % 3 === 0 ? null : randomTensor(next, [o]);
    const weight = new Parameter(w);
    const bias = b === null ? null : new Parameter(b);
    const [xs, ws, bs] = [arrayOf(x), arrayOf(w), b === null ? null : arrayOf(b)];
    const wanted = conv2d(xs, ws, bs, settings);
    const scale = conv2d(absolute(xs), absolute(ws), absolute(bs), settings);
    const name = `[${shape}] by [${w.shape}] ${JSON.stringify(settings)}`;
    const common = { inputs: [x], tolerance: CONVOLUTION, scale };
    const reflected = (sides: readonly [number, number, number, number]): NdArray =>
      pad(xs, sides, 'reflect', 0);
    const fits = shape[2] > 2 && shape[3] > 2;
    return [
      { ...common, name, target: (v) => F.conv2d(v, weight, { bias, ...settings }), wanted },
      {
        ...common,
        name: `${name}, relu`,
        target: (v) => F.relu(F.conv2d(v, weight, { bias, ...settings })),
        wanted: map(wanted, (value) => Math.max(value, 0)),
      },
      {
        ...common,
        name: `${name}, tanh`,
        target: (v) => F.tanh(F.conv2d(v, weight, { bias, ...settings })),
        wanted: map(wanted, Math.tanh),
      },
      ...(fits
        ? [
            {
              ...common,
              name: `${name}, reflection in front`,
              target: (v) =>
                F.conv2d(F.pad(v, [1, 2, 2, 1], { mode: 'reflect' }), weight, { bias, ...settings }),
              wanted: conv2d(reflected([2, 1, 1, 2]), ws, bs, settings),
              scale: conv2d(absolute(reflected([2, 1, 1, 2])), absolute(ws), absolute(bs), settings),
            } satisfies OpCase,
          ]
        : []),
    ];
  });
