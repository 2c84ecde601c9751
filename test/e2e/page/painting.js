// One painting and one run of a network, the same code in the page and in Node; what comes out is plain JSON.
import { Engine, loadModel, Tensor } from 'gouache';

/** @typedef {NonNullable<Parameters<typeof Engine.create>[0]>} EngineOptions */

/**
 * Pixels that look like no photo: smooth colours with noise on them and alpha, from integers only, so that every machine makes the same.
 * @param {number} width
 * @param {number} height
 */
export function picture(width, height) {
  const data = new Uint8ClampedArray(width * height * 4);
  let random = 1;
  for (let i = 0; i < data.length; i++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    const x = (i >> 2) % width;
    const y = Math.floor(i / 4 / width);
    data[i] = ((x * (1 + (i & 3)) + 2 * y) & 0xc0) | (random >>> 26);
  }
  return { data, width, height };
}

/** @param {Uint8Array | Uint8ClampedArray} bytes */
function base64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
}

/**
 * @param {Uint8Array} weights
 * @param {EngineOptions} options
 * @param {{ data: Uint8ClampedArray, width: number, height: number }} image
 */
export async function paint(weights, options, image) {
  /** @type {string[]} */
  const warnings = [];
  const engine = await Engine.create({ ...options, onWarning: (text) => warnings.push(text) });
  try {
    const { data, width, height } = await engine.paint(loadModel(weights), image);
    return { info: engine.info(), warnings, width, height, rgba: base64(data) };
  } finally {
    await engine.dispose();
  }
}

/**
 * The network's output, as float32 in base64.
 * @param {Uint8Array} weights
 * @param {EngineOptions} options
 * @param {number} side
 */
export async function run(weights, options, side) {
  const engine = await Engine.create(options);
  try {
    const values = Float32Array.from(picture(side, side).data.subarray(0, 3 * side * side));
    const y = await engine.run(loadModel(weights).network, Tensor.from(values, [1, 3, side, side]));
    if (!(y instanceof Tensor)) throw new Error('the network gave more than one tensor');
    return { info: engine.info(), shape: y.shape, values: base64(new Uint8Array(y.data.buffer)) };
  } finally {
    await engine.dispose();
  }
}
