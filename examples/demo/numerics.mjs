// Why the kernel subtracts first: three ways to normalise numbers that lie far from zero, against float64.
import { Tensor } from 'gouache';
import * as nn from 'gouache/nn';

const COUNT = 64 * 64;
const EPS = 1e-5;

/** Largest error of the kernel that counts as right, for values of about 1. */
const TOLERANCE = 2e-6;

const { fround } = Math;

/**
 * Mean and variance in float64.
 * @param {Float32Array} x
 */
function statistics(x) {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return { mean, variance };
}

/**
 * The textbook's shortcut E[x^2] - E[x]^2, in float32.
 * @param {Float32Array} x
 */
function squaresMinusSquare(x) {
  let sum = 0;
  let squares = 0;
  for (const value of x) {
    sum = fround(sum + value);
    squares = fround(squares + fround(value * value));
  }
  const mean = fround(sum / x.length);
  const variance = fround(fround(squares / x.length) - fround(mean * mean));
  return x.map((value) => fround(value - mean) / Math.sqrt(variance + EPS));
}

/**
 * x * s + t with exact statistics: one multiplication and one addition, in float32.
 * @param {Float32Array} x
 */
function scaleAndShift(x) {
  const { mean, variance } = statistics(x);
  const s = fround(1 / Math.sqrt(variance + EPS));
  const t = fround(-mean * s);
  return x.map((value) => fround(value * s) + t);
}

/**
 * Prints the errors.
 * @param {import('gouache').Engine} engine
 * @returns {Promise<boolean>} whether the kernel's is within its bound
 */
export async function printNumerics(engine) {
  console.log('\n4. Largest error of three ways to normalise, against float64\n');
  console.log('                       E[x^2] - E[x]^2    x * s + t    (x - m) * s + b, the kernel');
  const layer = new nn.InstanceNorm2d(1);
  let right = true;
  for (const [centre, spread] of /** @type {const} */ ([
    [0, 1],
    [1000, 0.5],
    [10000, 1],
  ])) {
    const x = Float32Array.from({ length: COUNT }, (_, i) => centre + spread * Math.sin(i * i));
    const { mean, variance } = statistics(x);
    const error = (/** @type {Float32Array} */ y) =>
      y.reduce(
        (most, value, i) =>
          Math.max(most, Math.abs(value - ((x[i] ?? 0) - mean) / Math.sqrt(variance + EPS))),
        0,
      );
    const { data } = await engine.run(layer, Tensor.from(x, [1, 1, 64, 64]));
    const kernel = error(data);
    right &&= kernel <= TOLERANCE;
    const cells = [error(squaresMinusSquare(x)), error(scaleAndShift(x)), kernel].map((value) =>
      value.toExponential(1),
    );
    console.log(
      `   ${`${centre} +- ${spread}`.padEnd(18)}  ${cells[0]?.padStart(15)}${cells[1]?.padStart(13)}    ${cells[2]}`,
    );
  }
  console.log('\n   NaN: the variance came out negative.');
  return right;
}
