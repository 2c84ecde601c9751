// The bundled photo as a tensor, and tensors as pictures. Reading and writing files is sharp's work.
import { fileURLToPath } from 'node:url';
import { Tensor } from 'gouache';
import sharp from 'sharp';

const PHOTO = fileURLToPath(new URL('../photos/coffee.png', import.meta.url));

/** Sizes that 4 divides: the networks halve them twice, and give back exactly these. */
const WIDTH_PX = 360;
const HEIGHT_PX = 240;

/**
 * The photo as [1, 3, H, W], grey levels from 0 to 255.
 * @returns {Promise<Tensor>}
 */
export async function readPhoto() {
  const pixels = await sharp(PHOTO).resize(WIDTH_PX, HEIGHT_PX).removeAlpha().raw().toBuffer();
  const plane = WIDTH_PX * HEIGHT_PX;
  const data = Float32Array.from(
    { length: 3 * plane },
    (_, i) => pixels[(i % plane) * 3 + Math.floor(i / plane)] ?? 0,
  );
  return Tensor.from(data, [1, 3, HEIGHT_PX, WIDTH_PX]);
}

/**
 * Interleaved 8-bit RGB of a tensor of grey levels, rounded and clipped.
 * @param {Tensor} levels [1, 3, H, W]
 * @returns {{ data: Uint8ClampedArray<ArrayBuffer>, width: number, height: number, channels: 3 }}
 */
export function toPixels({ data, shape }) {
  const [, , height = 0, width = 0] = shape;
  const plane = height * width;
  const pixels = Uint8ClampedArray.from(
    { length: 3 * plane },
    (_, i) => data[(i % 3) * plane + Math.floor(i / 3)] ?? 0,
  );
  return { data: pixels, width, height, channels: 3 };
}

/**
 * Writes pictures of one size as a grid of two columns.
 * @param {readonly Tensor[]} pictures grey levels, [1, 3, H, W] each
 * @param {string} path
 */
export async function writeGrid(pictures, path) {
  const GAP_PX = 6;
  const tiles = pictures.map(toPixels);
  const { width = 0, height = 0 } = tiles[0] ?? {};
  const rows = Math.ceil(tiles.length / 2);
  const background = '#ffffff';
  await sharp({
    create: { width: 2 * width + GAP_PX, height: rows * (height + GAP_PX) - GAP_PX, channels: 3, background },
  })
    .composite(
      tiles.map(({ data }, i) => ({
        input: Buffer.from(data.buffer),
        raw: { width, height, channels: 3 },
        left: (i % 2) * (width + GAP_PX),
        top: Math.floor(i / 2) * (height + GAP_PX),
      })),
    )
    .png()
    .toFile(path);
}
