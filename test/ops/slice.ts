/** slice: every so-manieth element of an axis, between two. */
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { EXACT } from '../tolerances.js';
import { arrayOf, at, fill, type NdArray, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

/** Python's x[start:end:step] along an axis. */
export function slice(x: NdArray, axis: number, start: number, end: number, step: number): NdArray {
  const kept: number[] = [];
  const size = x.shape[axis] ?? 1;
  const bound = (position: number): number => (position < 0 ? position + size : position);
  for (let i = Math.max(0, bound(start)); i < Math.min(size, bound(end)); i += step) kept.push(i);
  return fill(
    x.shape.map((all, other) => (other === axis ? kept.length : all)),
    (index) =>
      at(
        x,
        index.map((i, other) => (other === axis ? (kept[i] ?? Number.NaN) : i)),
      ),
  );
}

type Range = readonly [axis: number, start: number, end: number, step: number];

/** Cuts inside and at the ends of blocks of 4 channels, and of rows. */
const SHAPES: readonly (readonly [Shape, readonly Range[]])[] = [
  [
    [9],
    [
      [0, 0, 9, 1],
      [0, 3, -2, 1],
      [0, 1, 9, 3],
    ],
  ],
  [
    [5, 7],
    [
      [0, 1, 4, 1],
      [1, -3, 100, 1],
      [1, -100, 7, 2],
    ],
  ],
  [[3, 4, 5], [[1, 1, 3, 1]]],
  [
    [2, 13, 5, 7],
    [
      [0, 1, 2, 1],
      [1, 4, 12, 1],
      [1, 3, 11, 1],
      [1, 1, 13, 4],
      [2, 1, 5, 2],
      [3, 2, 7, 1],
      [3, 0, 7, 6],
    ],
  ],
  [[1, 3, 64, 67], [[2, 1, -1, 2]]],
  [[2, 3, 4, 3, 2], [[2, 1, 3, 1]]],
  [
    [2, 1, 3, 5, 2, 3],
    [
      [3, 1, 4, 2],
      [5, 1, 3, 1],
    ],
  ],
];

/** Changes no number, and makes the value lie in blocks. */
const inBlocks = (x: Value): Value => F.pad(x, [0, 0]);

export const cases: Cases = (seed) =>
  SHAPES.flatMap(([shape, ranges], index): OpCase[] => {
    const x = randomTensor(random(seed * 100 + index), shape);
    const parameter = new Parameter(x);
    return ranges.flatMap(([axis, start, end, step]): OpCase[] => {
      const name = `[${shape}] from ${start} to ${end} by ${step} along ${axis}`;
      const wanted = slice(arrayOf(x), axis, start, end, step);
      const common = { inputs: [x], wanted, tolerance: EXACT };
      const cut = (v: Value | Parameter): Value => v.slice(axis - shape.length, start, end, step);
      return [
        { ...common, name, target: (v) => v.slice(axis, start, end, step) },
        { ...common, name: `${name} between blocks`, target: (v) => inBlocks(cut(inBlocks(v))) },
        {
          ...common,
          name: `${name}, of a parameter`,
          inputs: [randomTensor(random(seed), wanted.shape, 0, 0)],
          target: (zeros) => zeros.add(cut(parameter)),
        },
        {
          ...common,
          name: `${name}, and its first of each axis`,
          target: (v) => shape.reduce((y, _, other) => y.slice(other, 0, 1), cut(inBlocks(v))),
          wanted: shape.reduce((y, _, other) => slice(y, other, 0, 1, 1), wanted),
        },
      ];
    });
  });
