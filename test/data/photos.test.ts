/** Real photos are painted by every model that ships: the same size back, and a picture, not a flat field. */
import { readFileSync } from 'node:fs';
import { Engine, loadModel } from 'gouache';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readData } from './data.js';

const PHOTOS = ['skimage_chelsea.png', 'skimage_coffee.png', 'skimage_rocket.jpg'];
const MODELS = ['mosaic', 'scream', 'starry-night'];

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create();
});
afterAll(() => engine.dispose());

test.each(PHOTOS.flatMap((photo) => MODELS.map((name) => ({ photo, name }))))(
  '$photo by $name',
  async ({ photo, name }) => {
    const model = loadModel(readFileSync(new URL(`../../models/${name}.safetensors`, import.meta.url)));
    const picture = await sharp(readData(`photos/${photo}`))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { data, width, height } = await engine.paint(model, picture);
    expect([width, height]).toEqual([picture.info.width, picture.info.height]);
    const { channels } = await sharp(data, { raw: { width, height, channels: 4 } }).stats();
    const [red, green, blue, alpha] = channels;
    for (const colour of [red, green, blue]) expect(colour?.stdev).toBeGreaterThan(15);
    expect(alpha?.min).toBe(255);
  },
);
