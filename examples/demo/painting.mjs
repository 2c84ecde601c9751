// What instance norm means for a painting: contrast and brightness of the photo do not reach it, if the borders do not give them away.
import { readFile } from 'node:fs/promises';
import { loadModel } from 'gouache';
import { Value } from 'gouache/nn';
import { toPixels, writeGrid } from './photo.mjs';
import { BRIGHTNESS, CONTRAST } from './statistics.mjs';

/** @typedef {import('gouache').Tensor} Tensor */
/** @typedef {import('gouache').Engine} Engine */

/** Root mean square difference, in grey levels of 255, up to which two paintings are the same. */
const SAME_RMS = 1;

/** @param {string} name */
async function readModel(name) {
  return loadModel(await readFile(new URL(`../../models/${name}.safetensors`, import.meta.url)));
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
function rms(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)) ** 2;
  return Math.sqrt(sum / a.length);
}

/**
 * RGBA without its A.
 * @param {Uint8ClampedArray} rgba
 */
function colours(rgba) {
  return rgba.filter((_, i) => i % 4 !== 3);
}

/**
 * A network's painting of grey levels, both from 0 to 255 and neither rounded: pixels of 8 bits would add noise of their own.
 * @param {Engine} engine
 * @param {import('gouache').Model} model
 * @param {Tensor} levels [1, 3, H, W]
 * @returns {Promise<Tensor>}
 */
async function paintLevels(engine, { network }, levels) {
  const y = await engine.run((x) => {
    const painted = network.forward(x.div(127.5).sub(1));
    if (!(painted instanceof Value)) throw new Error('the network has one output');
    return painted.add(1).mul(127.5);
  }, levels);
  return y;
}

/**
 * Paints the photo and its dark copy, and writes both pairs as one PNG.
 * @param {Engine} engine
 * @param {Tensor} photo [1, 3, H, W], 0 to 255
 * @param {string} path of the PNG
 * @returns {Promise<boolean>} whether the two paintings are the same where padding is by reflection
 */
export async function paintBoth(engine, photo, path) {
  const dark = await engine.run((x) => x.mul(CONTRAST).add(BRIGHTNESS), photo);
  const reflecting = await readModel('scream');
  const a = await paintLevels(engine, reflecting, photo);
  const b = await paintLevels(engine, reflecting, dark);
  const reflected = rms(a.data, b.data);

  const zeros = await readModel('mosaic');
  const zeroPadded = rms(
    (await paintLevels(engine, zeros, photo)).data,
    (await paintLevels(engine, zeros, dark)).data,
  );
  const rounded = rms(
    colours((await engine.paint(reflecting, toPixels(photo))).data),
    colours((await engine.paint(reflecting, toPixels(dark))).data),
  );

  const same = reflected <= SAME_RMS;
  const levels = (/** @type {number} */ value) => `${value.toFixed(3)} grey levels rms`;
  console.log(
    `\n3. Paintings of the photo and of its dark copy (${CONTRAST} x + ${BRIGHTNESS}): how much they differ\n`,
  );
  console.log(
    `   reflection padding in front of the first norm (scream)  ${levels(reflected)}: ${same ? 'the same' : 'NOT the same'}`,
  );
  console.log(
    `   zero padding there (mosaic)                             ${levels(zeroPadded)}: the black frame does not dim with the photo`,
  );
  console.log(
    `   scream, the dark copy rounded to 8 bits before          ${levels(rounded)}: a third of the levels is left of the photo`,
  );
  console.log(
    '\n   The first two were painted from unrounded float32 copies with engine.run, the last with engine.paint.',
  );
  await writeGrid([photo, dark, a, b], path);
  console.log(`   Wrote ${path}: the two pictures, and below each its painting by scream.`);
  return same;
}
