/** unary: one element in, one out. */
import { Tensor } from 'gouache';
import { functional as F, type Value } from 'gouache/nn';
import { EXACT, ONE_ROUNDING, TANH, TANH_RELATIVE } from '../tolerances.js';
import { arrayOf, inFloat32, map, random, randomTensor, type Shape, SPECIAL } from './array.js';
import { type Cases, type OpCase, sizes } from './case.js';
import { ALONE } from './steps.js';

const V = 1.3;
/** What float32 holds of it. */
const ROUNDED = Math.fround(V);

const SLOPE = Math.fround(0.2);

const FUNCTIONS: readonly (readonly [string, (x: Value) => Value, (x: number) => number, number])[] = [
  ...ALONE.map(
    ({ name, call, exact, tolerance }) => [name, call, (x: number) => exact(x, 0, 0), tolerance] as const,
  ),
  ['relu in place', (x) => F.relu(x, { inplace: true }), (x) => (x < 0 ? 0 : x), EXACT],
  ['add', (x) => x.add(V), (x) => x + ROUNDED, ONE_ROUNDING],
  ['sub', (x) => x.sub(V), (x) => x - ROUNDED, ONE_ROUNDING],
  ['mul', (x) => x.mul(V), (x) => x * ROUNDED, ONE_ROUNDING],
  ['div', (x) => x.div(V), (x) => x / ROUNDED, ONE_ROUNDING],
  ['rsub', (x) => F.rsub(x, V), (x) => ROUNDED - x, ONE_ROUNDING],
  ['rdiv', (x) => F.rdiv(x, V), (x) => ROUNDED / x, ONE_ROUNDING],
  ['leakyRelu', (x) => F.leakyRelu(x, { negativeSlope: 0.2 }), (x) => (x > 0 ? x : x * SLOPE), ONE_ROUNDING],
  ['clamp', (x) => x.clamp(-0.5, 1.25), (x) => Math.min(Math.max(x, -0.5), 1.25), EXACT],
  ['clamp below', (x) => x.clamp(0.5), (x) => Math.max(x, 0.5), EXACT],
  ['clamp above', (x) => x.clamp(null, 0.5), (x) => Math.min(x, 0.5), EXACT],
  ['clamp between infinities', (x) => x.clamp(-Infinity, Infinity), (x) => x, EXACT],
  ['clamp below infinity', (x) => x.clamp(null, Infinity), (x) => x, EXACT],
  ['clamp above minus infinity', (x) => x.clamp(-Infinity), (x) => x, EXACT],
  ['clamp to infinity', (x) => x.clamp(Infinity, Infinity), (x) => (Number.isNaN(x) ? x : Infinity), EXACT],
  ['clamp below NaN', (x) => x.clamp(-1, Number.NaN), () => Number.NaN, EXACT],
  ['clamp above NaN', (x) => x.clamp(Number.NaN), () => Number.NaN, EXACT],
  [
    'hardtanh from 0 on',
    (x) => F.hardtanh(x, { minVal: 0, maxVal: Infinity }),
    (x) => (x < 0 ? 0 : x),
    EXACT,
  ],
  ['leakyRelu of slope 0', (x) => F.leakyRelu(x, { negativeSlope: 0 }), (x) => (x > 0 ? x : x * 0), EXACT],
  ['div by infinity', (x) => x.div(Infinity), (x) => x / Infinity, EXACT],
  ['maximum of minus infinity', (x) => x.maximum(-Infinity), (x) => x, EXACT],
  [
    'where of infinity',
    (x) => F.where(x, Infinity, -Infinity),
    (x) => (x === 0 ? -Infinity : Infinity),
    EXACT,
  ],
  ['relu6', (x) => F.relu6(x.mul(4)), (x) => Math.min(Math.max(4 * x, 0), 6), EXACT],
  ['pow', (x) => x.pow(-1.5), (x) => x ** -1.5, ONE_ROUNDING],
  ['pow of a whole number', (x) => x.pow(3), (x) => x ** 3, ONE_ROUNDING],
  ['square', (x) => x.pow(2), (x) => x ** 2, ONE_ROUNDING],
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
