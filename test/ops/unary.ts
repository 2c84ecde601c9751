/** unary: one element in, one out. */
import { Tensor } from 'gouache';
import { functional as F, type Value } from 'gouache/nn';
import { EXACT, ONE_ROUNDING, TANH } from '../tolerances.js';
import { arrayOf, map, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

const V = 1.3;
/** What float32 holds of it. */
const ROUNDED = Math.fround(V);

const FUNCTIONS: readonly (readonly [string, (x: Value) => Value, (x: number) => number, number])[] = [
  ['relu', (x) => x.relu(), (x) => (x < 0 ? 0 : x), EXACT],
  ['relu in place', (x) => F.relu(x, { inplace: true }), (x) => (x < 0 ? 0 : x), EXACT],
  ['tanh', (x) => x.tanh(), Math.tanh, TANH],
  ['sqrt', (x) => x.sqrt(), Math.sqrt, ONE_ROUNDING],
  ['add', (x) => x.add(V), (x) => x + ROUNDED, ONE_ROUNDING],
  ['sub', (x) => x.sub(V), (x) => x - ROUNDED, ONE_ROUNDING],
  ['mul', (x) => x.mul(V), (x) => x * ROUNDED, ONE_ROUNDING],
  ['div', (x) => x.div(V), (x) => x / ROUNDED, ONE_ROUNDING],
];

const SHAPES: readonly Shape[] = [[1], [3], [5], [2, 7], [3, 3, 5], [2, 5, 3, 7], [1, 1, 1, 131_077]];

const SPECIAL = [0, 1e-40, 1e-20, 0.1, 1, 9, 10, 100, 3e38, Number.POSITIVE_INFINITY].flatMap((x) => [x, -x]);

export const cases: Cases = (seed) => {
  const inputs: [string, Tensor][] = SHAPES.map((shape, index) => [
    `[${shape}]`,
    randomTensor(random(seed * 100 + index), shape, -4, 4),
  ]);
  inputs.push(['special values', Tensor.from([...SPECIAL, Number.NaN], [SPECIAL.length + 1])]);
  return inputs.flatMap(([shape, x]) =>
    FUNCTIONS.map(
      ([name, target, f, tolerance]): OpCase => ({
        name: `${name} of ${shape}`,
        inputs: [x],
        // Results beyond float32 are infinite there.
        wanted: map(map(arrayOf(x), f), (y) =>
          Math.abs(y) > 3.4028235e38 ? y * Number.POSITIVE_INFINITY : y,
        ),
        target: (v) => target(v as Value),
        tolerance,
      }),
    ),
  );
};
