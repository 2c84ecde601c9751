/** unary: one element in, one out. */
import { Tensor } from 'gouache';
import { functional as F, type Value } from 'gouache/nn';
import { EXACT, ONE_ROUNDING, TANH, TANH_RELATIVE } from '../tolerances.js';
import { arrayOf, inFloat32, map, random, randomTensor, type Shape, SPECIAL } from './array.js';
import { type Cases, type OpCase, sizes } from './case.js';

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

export const cases: Cases = (seed) => {
  const inputs: [string, Tensor][] = SHAPES.map((shape, index) => [
    `[${shape}]`,
    randomTensor(random(seed * 100 + index), shape, -4, 4),
  ]);
  inputs.push(['special values', Tensor.from(SPECIAL, [SPECIAL.length])]);
  return inputs.flatMap(([shape, x]) =>
    FUNCTIONS.map(([name, target, f, tolerance]): OpCase => {
      const wanted = inFloat32(map(arrayOf(x), f));
      return {
        name: `${name} of ${shape}`,
        inputs: [x],
        wanted,
        target: (v) => target(v as Value),
        tolerance,
        scale:
          name === 'tanh'
            ? map(sizes(wanted), (y) => Math.min(1, (y * TANH_RELATIVE) / TANH))
            : sizes(wanted),
      };
    }),
  );
};
