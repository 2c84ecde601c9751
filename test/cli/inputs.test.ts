/** Every kind of picture file comes in as what it shows: the command paints what engine.paint makes of its 8-bit sRGB pixels. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Engine, loadModel } from 'gouache';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gouache, image, makeFolder, makePixels, type Pixels, readPixels } from './command_line.js';

// The same on both sides: builds round differently.
const BUILD = 'simd128';

const WIDTH = 56;
const HEIGHT = 40;
const COUNT = WIDTH * HEIGHT;
const photo = makePixels(WIDTH, HEIGHT);

const folder = makeFolder();
const model = loadModel(readFileSync(new URL('../../models/mosaic.safetensors', import.meta.url)));
let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ build: BUILD });
});
afterAll(async () => {
  folder.remove();
  await engine.dispose();
});

let files = 0;

/** What the command makes of an encoded picture. */
async function command(picture: Sharp | Uint8Array, extension: string): Promise<Pixels> {
  const name = `in-${files++}`;
  const input = join(folder.path, `${name}.${extension}`);
  const bytes = picture instanceof Uint8Array ? picture : await picture.toBuffer();
  writeFileSync(input, bytes);
  const args = ['paint', input, '--build', BUILD, '--output', `${name}-out.png`];
  expect(await gouache(folder.path, args)).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(input).equals(bytes)).toBe(true);
  return readPixels(join(folder.path, `${name}-out.png`));
}

/** What engine.paint makes of pixels: RGBA, or RGB where they have no alpha. */
async function painted(pixels: Pixels): Promise<Pixels> {
  const { data, width, height } = await engine.paint(model, pixels);
  const alpha = pixels.channels === 2 || pixels.channels === 4;
  const kept = new Uint8Array(alpha ? data : data.filter((_, i) => i % 4 !== 3));
  return { data: kept, width, height, channels: alpha ? 4 : 3 };
}

/** The pixels of a file as another decoder than the command's pipeline gives them: sharp's default. */
async function decoded(bytes: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height, channels: info.channels };
}

/** Pixels turned a quarter clockwise, by hand. */
function turned({ data, width, height, channels }: Pixels): Pixels {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        out[(x * height + (height - 1 - y)) * channels + c] = data[(y * width + x) * channels + c] ?? 0;
  return { data: out, width: height, height: width, channels };
}

/** Each number in both bytes: 65535 for 255. */
function widened(data: Uint8Array): Uint16Array {
  return Uint16Array.from(data, (value) => value * 257);
}

test('PNG, and the painting is another picture than the photo', async () => {
  const painting = await command(image(photo).png(), 'png');
  expect(painting).toEqual(await painted(photo));
  const changes = painting.data.filter((value, i) => Math.abs(value - (photo.data[i] ?? 0)) > 50);
  expect(changes.length).toBeGreaterThan(COUNT / 2);
});

test('lossless WebP', async () => {
  expect(await command(image(photo).webp({ lossless: true }), 'webp')).toEqual(await painted(photo));
});

test('JPEG', async () => {
  const bytes = await image(photo).jpeg().toBuffer();
  expect(await command(bytes, 'jpg')).toEqual(await painted(await decoded(bytes)));
});

test.each(['jpg', 'png'] as const)(
  'EXIF orientation 6 in a .%s: turned a quarter clockwise',
  async (extension) => {
    const tagged = image(photo).withMetadata({ orientation: 6 });
    const bytes = await (extension === 'jpg' ? tagged.jpeg() : tagged.png()).toBuffer();
    const stored = await decoded(bytes);
    expect([stored.width, stored.height]).toEqual([WIDTH, HEIGHT]);
    expect(await command(bytes, extension)).toEqual(await painted(turned(stored)));
  },
);

test('16 bits', async () => {
  const bytes = await sharp(widened(photo.data), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer();
  expect((await sharp(bytes).metadata()).depth).toBe('ushort');
  expect(await command(bytes, 'png')).toEqual(await painted(photo));
});

describe('grey', () => {
  const grey: Pixels = { ...photo, data: photo.data.filter((_, i) => i % 3 === 1), channels: 1 };
  const colour: Pixels = {
    ...photo,
    data: Uint8Array.from(photo.data, (_, i) => grey.data[Math.floor(i / 3)] ?? 0),
  };

  test('8 bits', async () => {
    const bytes = await image(grey).toColourspace('b-w').png().toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    expect(await command(bytes, 'png')).toEqual(await painted(colour));
  });

  test('16 bits', async () => {
    const bytes = await sharp(widened(grey.data), { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const { depth, channels } = await sharp(bytes).metadata();
    expect([depth, channels]).toEqual(['ushort', 1]);
    expect(await command(bytes, 'png')).toEqual(await painted(colour));
  });

  test('with alpha', async () => {
    const data = Uint8Array.from({ length: 2 * COUNT }, (_, i) =>
      i % 2 === 0 ? (grey.data[i / 2] ?? 0) : (i * 5) % 256,
    );
    const both: Pixels = { ...grey, data, channels: 2 };
    const bytes = await image(both).toColourspace('b-w').png().toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(2);
    expect(await command(bytes, 'png')).toEqual(await painted(both));
  });
});

test('alpha is kept, and colours are painted as without it', async () => {
  // From 32 up; below, colours fade before the network sees them.
  const alpha = Uint8Array.from({ length: COUNT }, (_, i) => 32 + ((i * 7) % 224));
  const data = Uint8Array.from({ length: 4 * COUNT }, (_, i) =>
    i % 4 === 3 ? (alpha[Math.floor(i / 4)] ?? 0) : (photo.data[3 * Math.floor(i / 4) + (i % 4)] ?? 0),
  );
  const painting = await command(image({ ...photo, data, channels: 4 }).png(), 'png');
  expect(painting.channels).toBe(4);
  expect(painting.data.filter((_, i) => i % 4 === 3)).toEqual(alpha);
  expect(painting.data.filter((_, i) => i % 4 !== 3)).toEqual((await painted(photo)).data);
});

test('CMYK', async () => {
  const bytes = await image(photo).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
  const { space, channels } = await sharp(bytes).metadata();
  expect([space, channels]).toEqual(['cmyk', 4]);
  const inks = await decoded(await sharp(bytes).toColourspace('srgb').png().toBuffer());
  expect(await command(bytes, 'jpg')).toEqual(await painted(inks));
});

test('an embedded profile is obeyed: wide-gamut numbers are converted, not taken as sRGB', async () => {
  const bytes = await image(photo).withIccProfile('p3').png().toBuffer();
  expect((await sharp(bytes).metadata()).icc).toBeDefined();
  const { data } = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
  const untagged = new Uint8Array(data);
  const painting = await command(bytes, 'png');
  expect(painting).toEqual(await painted(await decoded(bytes)));
  expect(painting).not.toEqual(await painted({ ...photo, data: untagged }));
});
