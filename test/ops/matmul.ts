/** matmul: the product of matrices, batched and broadcast. */
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { CONVOLUTION } from '../tolerances.js';
import { arrayOf, at, fill, map, type NdArray, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

/** y[..., i, j] = sum over k of a[..., i, k] b[..., k, j]; a vector is a row on the left, a column on the right. */
export function matmul(left: NdArray, right: NdArray): NdArray {
  const a = left.shape.length === 1 ? { ...left, shape: [1, ...left.shape] } : left;
  const b = right.shape.length === 1 ? { ...right, shape: [...right.shape, 1] } : right;
  const [m = 1, k = 1] = a.shape.slice(-2);
  const [n = 1] = b.shape.slice(-1);
  const batches = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const rank = Math.max(...batches.map(({ length }) => length));
  const batch = Array.from({ length: rank }, (_, axis) =>
    Math.max(...batches.map((own) => own[axis - rank + own.length] ?? 1)),
  );
  const y = fill([...batch, m, n], (index) => {
    const [outer, i = 0, j = 0] = [index.slice(0, -2), ...index.slice(-2)];
    let sum = 0;
    // An axis of size 1 repeats, which one of one step does, too.
    for (let step = 0; step < k; step++) sum += at(a, [...outer, i, step]) * at(b, [...outer, step, j]);
    return sum;
  });
  return {
    ...y,
    shape: [...batch, ...(left === a ? [m] : []), ...(right === b ? [n] : [])],
  };
}

const absolute = (x: NdArray): NdArray => map(x, Math.abs);

/** Rows around register tiles of 6 and 4, columns around panels of 8 and their halves. */
const SHAPES: readonly (readonly [Shape, Shape])[] = [
  [[1], [1]],
  [[9], [9]],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 5],
    [5, 7],
  ],
  [
    [13, 33],
    [33, 17],
  ],
  [
    [6, 1],
    [1, 8],
  ],
  [
    [25, 4],
    [4, 12],
  ],
  [
    [130, 65],
    [65, 67],
  ],
  [[5], [5, 3]],
  [[5], [2, 5, 4]],
  [[4, 5], [5]],
  [[2, 3, 4], [4]],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [3, 4],
    [2, 4, 5],
  ],
  [
    [2, 7, 6],
    [2, 6, 9],
  ],
  [
    [1, 7, 6],
    [3, 6, 9],
  ],
  [
    [2, 3, 5, 4],
    [2, 3, 4, 6],
  ],
  [
    [2, 1, 5, 4],
    [3, 4, 6],
  ],
  [
    [2, 1, 3, 2, 4],
    [1, 3, 3, 4, 5],
  ],
  [
    [2, 1, 2, 1, 3, 4],
    [2, 1, 3, 4, 5],
  ],
];

/** Changes no number, and makes the value lie in blocks. */
const inBlocks = (x: Value): Value => F.pad(x, [0, 0]);

export const cases: Cases = (seed) =>
  SHAPES.flatMap(([left, right], index): OpCase[] => {
    const next = random(seed * 100 + index);
    const [a, b] = [randomTensor(next, left), randomTensor(next, right)];
    const [as, bs] = [arrayOf(a), arrayOf(b)];
    const [p, q] = [new Parameter(a), new Parameter(b)];
    const wanted = matmul(as, bs);
    const common = {
      inputs: [a, b],
      wanted,
      scale: matmul(absolute(as), absolute(bs)),
      tolerance: CONVOLUTION,
    };
    const name = `[${left}] by [${right}]`;
    const scalar = wanted.shape.length === 0;
    return [
      { ...common, name, target: (x, y) => (x as Value).matmul(y as Value) },
      { ...common, name: `${name}, a parameter`, inputs: [a], target: (x) => x.matmul(q) },
      { ...common, name: `a parameter ${name}`, inputs: [b], target: (y) => p.matmul(y) },
      {
        ...common,
        name: `parameters ${name}`,
        inputs: [randomTensor(next, wanted.shape, 0, 0)],
        target: (zeros) => zeros.add(p.matmul(q)),
      },
      ...(scalar
        ? []
        : [
            {
              ...common,
              name: `${name} between blocks, relu`,
              target: (x, y) => inBlocks(inBlocks(x as Value).matmul(inBlocks(y as Value))).relu(),
              wanted: map(wanted, (value) => Math.max(value, 0)),
            } satisfies OpCase,
          ]),
    ];
  });
