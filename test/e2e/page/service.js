// A service worker that paints: it may neither start workers nor import() anything.
import * as painting from './painting.js';

/** @param {{ side: number, given: boolean }} asked */
async function paint({ side, given }) {
  const fetched = (/** @type {string} */ file) => fetch(new URL(file, import.meta.url));
  const weights = new Uint8Array(await (await fetched('./mosaic.safetensors')).arrayBuffer());
  const options = given ? { wasm: await fetched('./simd128.wasm') } : {};
  return painting.paint(weights, options, painting.picture(side, side));
}

addEventListener('message', ({ data, ports }) => {
  paint(data)
    .catch(({ code, message }) => ({ code, message }))
    .then((said) => ports[0]?.postMessage(said));
});
