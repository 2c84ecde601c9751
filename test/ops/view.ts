/** view: the same elements in row-major order; nothing to compute, so what is tested is that layouts are converted. */
import { EXACT } from '../tolerances.js';
import { arrayOf, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

const SHAPES: readonly (readonly [Shape, Shape])[] = [
  [[1], [1, 1, 1, 1]],
  [
    [2, 6, 5, 4],
    [3, 5, 2, 8],
  ],
  [
    [2, 8, 3, 4],
    [2, 8, 12],
  ],
  [
    [1, 9, 4, 5],
    [20, 9],
  ],
  [
    [7, 11],
    [1, 1, 7, 11],
  ],
  [[30], [5, 6, 1, 1]],
  [
    [1, 3, 64, 65],
    [65, 64, 3],
  ],
];

export const cases: Cases = (seed) =>
  SHAPES.flatMap(([from, to], index): OpCase[] => {
    const x = randomTensor(random(seed * 100 + index), from, 0, 1);
    // relu changes no number above 0, and makes the value lie in blocks.
    const common = { inputs: [x], tolerance: EXACT };
    const wanted = { ...arrayOf(x), shape: to };
    return [
      { ...common, name: `[${from}] as [${to}]`, target: (v) => v.view(to), wanted },
      {
        ...common,
        name: `[${from}] as [${to}] between ops`,
        target: (v) => v.relu().view(to).relu(),
        wanted,
      },
      {
        ...common,
        name: `[${from}] as [${to}] and back`,
        target: (v) => v.relu().view(to).mul(1).view(from).relu(),
        wanted: arrayOf(x),
      },
    ];
  });
