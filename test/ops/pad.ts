/** pad: each coordinate of the result walks to the picture's. */
import { functional as F } from 'gouache/nn';
import { EXACT } from '../tolerances.js';
import { arrayOf, at, fill, type NdArray, random, randomTensor, type Shape4 } from './array.js';
import type { Cases, OpCase } from './case.js';

type Mode = 'constant' | 'reflect' | 'replicate';

/** Mirrored at 0 and at size - 1 until it is inside. */
function shown(i: number, size: number, mode: Mode): number {
  if (mode === 'replicate') return Math.min(Math.max(i, 0), size - 1);
  if (mode === 'reflect') {
    while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i;
  }
  return i;
}

/** Rows and columns added (negative: cut off) at top, bottom, left, right. */
export function pad(
  x: NdArray,
  [top, bottom, left, right]: readonly [number, number, number, number],
  mode: Mode,
  value: number,
): NdArray {
  const [n, c, height, width] = x.shape as Shape4;
  return fill([n, c, height + top + bottom, width + left + right], ([s = 0, channel = 0, i = 0, j = 0]) => {
    const [row, column] = [shown(i - top, height, mode), shown(j - left, width, mode)];
    const inside = row >= 0 && row < height && column >= 0 && column < width;
    return inside ? at(x, [s, channel, row, column]) : value;
  });
}

const SIZES: readonly (readonly [Shape4, readonly [number, number, number, number]])[] = [
  [
    [1, 1, 1, 1],
    [0, 0, 0, 0],
  ],
  [
    [1, 3, 5, 7],
    [1, 2, 3, 4],
  ],
  [
    [2, 4, 4, 3],
    [3, 0, 0, 2],
  ],
  [
    [1, 9, 3, 65],
    [2, 2, 40, 40],
  ],
  [
    [2, 5, 6, 8],
    [-1, 2, 3, -4],
  ],
];

export const cases: Cases = (seed) =>
  SIZES.flatMap(([shape, sides], index): OpCase[] => {
    const x = randomTensor(random(seed * 100 + index), shape);
    const [top, bottom, left, right] = sides;
    return (['constant', 'reflect', 'replicate'] as const).map((mode) => {
      // What PyTorch pads with in front of a maximum, too.
      const value = mode === 'constant' ? (index % 2 === 0 ? 0.75 : Number.NEGATIVE_INFINITY) : 0;
      return {
        name: `[${shape}] by [${sides}], ${mode}`,
        inputs: [x],
        target: (v) => F.pad(v, [left, right, top, bottom], { mode, value }),
        wanted: pad(arrayOf(x), sides, mode, value),
        tolerance: EXACT,
      };
    });
  });
