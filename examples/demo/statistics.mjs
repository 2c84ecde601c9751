// A bright and a dark, low-contrast picture in one batch: batch norm mixes them, instance norm treats each on its own.
import { Tensor } from 'gouache';
import * as nn from 'gouache/nn';

/** The dark copy: a third of the contrast, and near black. */
export const CONTRAST = 0.3;
export const BRIGHTNESS = 10;

const DIGITS = 3;

/** @typedef {{ mean: number, std: number }} Spread */

/**
 * Mean and standard deviation of each picture of a batch, over all its channels.
 * @param {import('gouache').Engine} engine
 * @param {Tensor} batch [N, C, H, W]
 * @returns {Promise<Spread[]>}
 */
async function spreads(engine, batch) {
  const { mean, std } = await engine.run(
    (x) => ({ mean: x.mean([1, 2, 3]), std: x.var([1, 2, 3], { unbiased: false }).sqrt() }),
    batch,
  );
  if (mean === undefined || std === undefined) throw new Error('unreachable: the function names both');
  return Array.from(mean.data, (value, n) => ({ mean: value, std: std.data[n] ?? Number.NaN }));
}

/** @param {number} value */
function cell(value) {
  // Nothing below half a digit is told apart from 0, its sign neither.
  return value
    .toFixed(DIGITS)
    .replace(/^-(0\.0+)$/, '$1')
    .padStart(8);
}

/** @param {readonly Spread[]} pictures */
function cells(pictures) {
  return pictures.map(({ mean, std }) => `${cell(mean)} ${cell(std)}`).join('   ');
}

/**
 * Prints means and standard deviations before and after.
 * @param {import('gouache').Engine} engine
 * @param {Tensor} photo [1, 3, H, W], 0 to 255
 * @returns {Promise<boolean>} whether batch norm mixed the pictures, in eval mode changed nothing, and instance norm separated them
 */
export async function printStatistics(engine, photo) {
  const [, C = 3, H = 1, W = 1] = photo.shape;
  const dark = (await engine.run((x) => x.mul(CONTRAST).add(BRIGHTNESS), photo)).data;
  const pair = new Float32Array(2 * dark.length);
  pair.set(photo.data, 0);
  pair.set(dark, dark.length);
  const both = Tensor.from(pair, [2, C, H, W]);
  const batch = await engine.run((x) => x.div(255), both);

  const training = new nn.BatchNorm2d(C, { trackRunningStats: false });
  const fresh = new nn.BatchNorm2d(C).eval();
  const instance = new nn.InstanceNorm2d(C);
  const before = await spreads(engine, batch);
  const mixed = await spreads(engine, await engine.run(training, batch));
  const untouched = await spreads(engine, await engine.run(fresh, batch));
  const apart = await spreads(engine, await engine.run(instance, batch));

  console.log(
    `\n2. The photo and its dark copy (${CONTRAST} x + ${BRIGHTNESS}) in one batch, as values from 0 to 1\n`,
  );
  console.log('                                          photo               dark copy');
  console.log('                                           mean      std       mean      std');
  console.log(`   as they are                         ${cells(before)}`);
  console.log(
    `   batch norm, the batch's statistics  ${cells(mixed)}    mixed: the dark one stays dark and flat`,
  );
  console.log(
    `   batch norm, fresh, eval mode        ${cells(untouched)}    unchanged: it divides by sqrt(1 + eps)`,
  );
  console.log(`   instance norm                       ${cells(apart)}    each on its own: alike`);

  const near = (/** @type {number} */ a, /** @type {number} */ b, tolerance = 1e-3) =>
    Math.abs(a - b) <= tolerance;
  const [first, second] = mixed;
  const mixes =
    first !== undefined &&
    second !== undefined &&
    first.mean > second.mean + 0.5 &&
    first.std > 2 * second.std;
  const keeps = untouched.every(
    ({ mean, std }, n) =>
      near(mean, before[n]?.mean ?? Number.NaN) && near(std, before[n]?.std ?? Number.NaN),
  );
  // The dark copy's variance is so small that eps takes a visible part of it.
  const separates = apart.every(({ mean, std }) => near(mean, 0) && near(std, 1, 1e-2));
  return mixes && keeps && separates;
}
