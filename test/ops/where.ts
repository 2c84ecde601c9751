/** where: one of two values as a condition is not 0; and prelu, which chooses likewise. */
import { Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { EXACT, ONE_ROUNDING } from '../tolerances.js';
import { arrayOf, at, fill, inFloat32, random, randomTensor, type Shape, SPECIAL } from './array.js';
import type { Cases, OpCase } from './case.js';

const SHAPES: readonly (readonly [condition: Shape, then: Shape, otherwise: Shape])[] = [
  [[5], [5], [5]],
  [
    [2, 5, 3, 7],
    [2, 5, 3, 7],
    [1, 5, 1, 1],
  ],
  [
    [2, 1, 3, 7],
    [2, 5, 3, 7],
    [1, 5, 1, 1],
  ],
  [
    [1, 5, 1, 1],
    [2, 5, 3, 7],
    [2, 1, 3, 7],
  ],
  [[3, 1], [4], [3, 4]],
];

/** Numbers of which a third is 0. */
function conditionOf(next: () => number, shape: Shape): Tensor {
  const { data } = randomTensor(next, shape);
  return Tensor.from(
    data.map((x) => (Math.abs(x) < 0.3 ? 0 : x)),
    shape,
  );
}

function wheres(seed: number): OpCase[] {
  return SHAPES.flatMap((shapes, index): OpCase[] => {
    const next = random(seed * 100 + index);
    const [condition, a, b] = [
      conditionOf(next, shapes[0]),
      randomTensor(next, shapes[1]),
      randomTensor(next, shapes[2]),
    ];
    const [c, x, y] = [condition, a, b].map(arrayOf);
    if (c === undefined || x === undefined || y === undefined) throw new Error('three arrays');
    const shape = shapes
      .reduce((all, one) => (one.length > all.length ? one : all))
      .map((_, axis, all) => Math.max(...shapes.map((one) => one[axis - all.length + one.length] ?? 1)));
    const name = shapes.map((one) => `[${one}]`).join(' ');
    return [
      {
        name: `where ${name}`,
        inputs: [condition, a, b],
        target: (...values) => F.where(...(values as [Value, Value, Value])),
        wanted: fill(shape, (i) => (at(c, i) === 0 ? at(y, i) : at(x, i))),
        tolerance: EXACT,
      },
      {
        name: `where ${name}, a number`,
        inputs: [condition, a],
        target: (value, then) => (then as Value).where(value as Value, 1.5).mul(2),
        wanted: fill(
          shapes[0].length < shapes[1].length ? shapes[1] : broadcastOf(shapes[0], shapes[1]),
          (i) => (at(c, i) === 0 ? 3 : 2 * at(x, i)),
        ),
        tolerance: EXACT,
      },
    ];
  });
}

function broadcastOf(a: Shape, b: Shape): Shape {
  return a.map((size, axis) => Math.max(size, b[axis - a.length + b.length] ?? 1));
}

function prelus(seed: number): OpCase[] {
  return (
    [
      [3, 5],
      [2, 5, 3, 7],
      [2, 3, 4],
    ] as const
  ).flatMap((shape, index): OpCase[] => {
    const next = random(seed * 100 + index);
    const x = randomTensor(next, shape, -3, 3);
    return [1, shape[1]].map((count): OpCase => {
      const slopes = randomTensor(next, [count], -2, 2);
      const weight = arrayOf(slopes);
      const parameter = new Parameter(slopes);
      return {
        name: `prelu of [${shape}], ${count} slopes`,
        inputs: [x],
        target: (value) => F.prelu(value as Value, parameter),
        wanted: inFloat32(
          fill(shape, (i) => {
            const one = at(arrayOf(x), i);
            return one > 0 ? one : one * at(weight, [count === 1 ? 0 : (i[1] ?? 0)]);
          }),
        ),
        tolerance: ONE_ROUNDING,
      };
    });
  });
}

export const cases: Cases = (seed) => [
  ...wheres(seed),
  ...prelus(seed),
  {
    name: 'where of special values',
    inputs: [Tensor.from(SPECIAL, [SPECIAL.length])],
    target: (x) => F.where(x as Value, 1, x as Value),
    wanted: fill([SPECIAL.length], ([i = 0]) => (SPECIAL[i] === 0 ? (SPECIAL[i] ?? 0) : 1)),
    tolerance: EXACT,
  },
];
