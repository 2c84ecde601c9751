/** reduce: mean and variance over axes, two passes. */
import { REDUCTION } from '../tolerances.js';
import { arrayOf, at, fill, type NdArray, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

/** Reduced axes stay with size 1. `correction` null gives the mean. */
export function reduce(x: NdArray, axes: readonly number[], correction: number | null): NdArray {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const inner = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  return fill(kept, (outer) => {
    const values: number[] = [];
    fill(inner, (index) =>
      values.push(
        at(
          x,
          index.map((i, axis) => i + (outer[axis] ?? 0)),
        ),
      ),
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    if (correction === null) return mean;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return squares / Math.max(0, values.length - correction);
  });
}

/** All subsets of the axes, none left out; one of them larger than a tile of reduced pixels. */
const SHAPES: readonly (readonly [Shape, readonly (readonly number[])[]])[] = [
  [[1], [[0]]],
  [
    [5, 7],
    [[0], [1], [0, 1]],
  ],
  [
    [3, 5, 4],
    [[0], [1], [2], [0, 2], [1, 2]],
  ],
  [
    [2, 9, 3, 5],
    [[0], [1], [2], [3], [0, 1], [1, 2], [2, 3], [0, 3], [1, 3], [0, 2], [0, 2, 3], [1, 2, 3], [0, 1, 2, 3]],
  ],
  [
    [1, 4, 300, 301],
    [
      [2, 3],
      [0, 1, 2, 3],
    ],
  ],
];

export const cases: Cases = (seed) =>
  SHAPES.flatMap(([shape, subsets], index): OpCase[] => {
    const x = randomTensor(random(seed * 100 + index), shape, 9, 11);
    return subsets.flatMap((axes): OpCase[] => {
      const common = { inputs: [x], tolerance: REDUCTION };
      const [mean, biased, unbiased] = [null, 0, 1].map((correction) => reduce(arrayOf(x), axes, correction));
      if (mean === undefined || biased === undefined || unbiased === undefined) return [];
      const dropped = mean.shape.filter((_, axis) => !axes.includes(axis));
      return [
        {
          ...common,
          name: `mean of [${shape}] over ${axes}`,
          target: (v) => v.mean(axes, { keepdim: true }),
          wanted: mean,
        },
        {
          ...common,
          name: `var of [${shape}] over ${axes}`,
          target: (v) => v.var(axes, { keepdim: true }),
          wanted: unbiased,
        },
        {
          ...common,
          name: `biased var of [${shape}] over ${axes}, axes dropped`,
          target: (v) => v.var(axes, { unbiased: false }),
          wanted: { ...biased, shape: dropped },
        },
      ];
    });
  });
