// What instance norm means for a painting: contrast and brightness of the photo do not reach it, if the borders do not give them away.
import { readFile } from 'node:fs/promises';
import { loadModel } from 'gouache';
import * as nn from 'gouache/nn';
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

/** What engine.paint extends a picture by at least, so that the frame which zero padding paints can be cropped. */
const BORDER_PX = 32;

/**
 * A network's painting of grey levels, both from 0 to 255 and neither rounded: what engine.paint does, in float32.
 * @param {Engine} engine
 * @param {import('gouache').Model} model
 * @param {Tensor} levels [1, 3, H, W]
 * @returns {Promise<Tensor>}
 */
function paintLevels(engine, { network }, levels) {
  const { pad } = nn.functional;
  return engine.run((x) => {
    const extended = pad(x.div(127.5).sub(1), Array(4).fill(BORDER_PX), { mode: 'reflect' });
    const painted = network.forward(extended);
    if (!(painted instanceof nn.Value)) throw new Error('the network has one output');
    return pad(painted.add(1).mul(127.5), Array(4).fill(-BORDER_PX));
  }, levels);
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

  const same = reflected <= SAME_RMS && rounded <= SAME_RMS;
  const row = (/** @type {string} */ what, /** @type {number} */ value, /** @type {string} */ comment) =>
    console.log(`   ${what.padEnd(54)}  ${value.toFixed(4).padStart(7)}    ${comment}`);
  console.log(
    `\n3. Paintings of the photo and of its dark copy (${CONTRAST} x + ${BRIGHTNESS}): their difference in grey levels, rms\n`,
  );
  row('scream: reflection padding in front of the first norm', reflected, 'the same, from float32 pixels');
  row(
    'scream, the dark copy rounded to 8 bits',
    rounded,
    'the same, through engine.paint; the noise of rounding',
  );
  row('mosaic: zero padding', zeroPadded, 'not the same: the frame of zeros does not dim with the photo');
  if (!same) console.log(`   NOT the same: the first two must be at most ${SAME_RMS}`);
  await writeGrid([photo, dark, a, b], path);
  console.log(`   Wrote ${path}: the two pictures, and below each its painting by scream.`);
  return same;
}
