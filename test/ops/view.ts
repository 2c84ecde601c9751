/** view: the same elements in row-major order; nothing to compute, so what is tested is that layouts are converted. */
import { functional as F, type Value } from 'gouache/nn';
import { EXACT, ONE_ROUNDING, REDUCTION } from '../tolerances.js';
import { arrayOf, random, randomTensor, type Shape } from './array.js';
import { binary } from './binary.js';
import type { Cases, OpCase } from './case.js';
import { reduce } from './reduce.js';

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

/** Changes no number, and makes the value lie in blocks. */
const inBlocks = (x: Value): Value => F.pad(x, [0, 0]);

/** Views whose readers tell axes apart that lie where their maker has others. */
function readersOfViews(seed: number): OpCase[] {
  const next = random(seed * 100 + 50);
  const x = randomTensor(next, [1, 3, 4, 6], 0, 1);
  const row = randomTensor(next, [1, 3, 8, 1]);
  const viewed = { ...arrayOf(x), shape: [1, 3, 8, 3] };
  return [
    {
      name: 'the mean of rows of another length',
      inputs: [x],
      target: (v) => inBlocks(v).view(1, 3, 8, 3).mean(2, { keepdim: true }),
      wanted: reduce(viewed, [2], null),
      tolerance: REDUCTION,
    },
    {
      name: 'the sum with a column of another length',
      inputs: [x, row],
      target: (v, column) => inBlocks(v).view(1, 3, 8, 3).add(column),
      wanted: binary(viewed, arrayOf(row), (a, b) => a + b),
      tolerance: ONE_ROUNDING,
    },
  ];
}

const between: Cases = (seed) =>
  SHAPES.flatMap(([from, to], index): OpCase[] => {
    const x = randomTensor(random(seed * 100 + index), from, 0, 1);
    const common = { inputs: [x], tolerance: EXACT };
    const wanted = { ...arrayOf(x), shape: to };
    return [
      { ...common, name: `[${from}] as [${to}]`, target: (v) => v.view(to), wanted },
      {
        ...common,
        name: `[${from}] as [${to}] between ops`,
        target: (v) => inBlocks(inBlocks(v).view(to)),
        wanted,
      },
      {
        ...common,
        name: `[${from}] as [${to}] and back`,
        target: (v) => inBlocks(inBlocks(v).view(to).mul(1).view(from)),
        wanted: arrayOf(x),
      },
    ];
  });

export const cases: Cases = (seed) => [...between(seed), ...readersOfViews(seed)];
