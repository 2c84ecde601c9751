/** Every kind of picture file comes in as what it shows: painted like its plain 8-bit sRGB twin. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { gouache, image, makeFolder, makePixels, type Pixels, readPixels } from './command_line.js';

const folder = makeFolder();
afterAll(folder.remove);

const WIDTH = 56;
const HEIGHT = 40;
const photo = makePixels(WIDTH, HEIGHT);

let files = 0;

/** The painting of an encoded picture. */
async function paint(bytes: Uint8Array | Sharp, extension: string): Promise<Pixels> {
  const name = `in-${files++}`;
  const input = join(folder.path, `${name}.${extension}`);
  const encoded = bytes instanceof Uint8Array ? bytes : await bytes.toBuffer();
  writeFileSync(input, encoded);
  const { code, stderr } = await gouache(folder.path, ['stylize', input, '--output', `${name}-out.png`]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(readFileSync(input).equals(encoded)).toBe(true);
  return readPixels(join(folder.path, `${name}-out.png`));
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

function largestDifference(a: Pixels, b: Pixels): number {
  expect([a.width, a.height, a.channels]).toEqual([b.width, b.height, b.channels]);
  return a.data.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - (b.data[i] ?? Number.NaN))),
    0,
  );
}

const plain = paint(image(photo).png(), 'png');

test("the painting has the photo's size, no alpha, and is not the photo", async () => {
  const painting = await plain;
  expect([painting.width, painting.height, painting.channels]).toEqual([WIDTH, HEIGHT, 3]);
  expect(largestDifference(painting, photo)).toBeGreaterThan(50);
});

test('lossless WebP', async () => {
  expect(largestDifference(await paint(image(photo).webp({ lossless: true }), 'webp'), await plain)).toBe(0);
});

test('JPEG', async () => {
  const jpeg = await image(photo).jpeg().toBuffer();
  const decoded = await sharp(jpeg).png().toBuffer();
  expect(largestDifference(await paint(jpeg, 'jpg'), await paint(decoded, 'png'))).toBe(0);
});

test.each([
  ['JPEG', 'jpg'],
  ['PNG', 'png'],
] as const)('EXIF orientation 6 in a %s: turned a quarter clockwise', async (_, extension) => {
  const turnedFile = image(photo).withMetadata({ orientation: 6 });
  const bytes = await (extension === 'jpg' ? turnedFile.jpeg({ quality: 100 }) : turnedFile.png()).toBuffer();
  const stored = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  expect([stored.info.width, stored.info.height]).toEqual([WIDTH, HEIGHT]);
  const upright = turned({ data: stored.data, width: WIDTH, height: HEIGHT, channels: 3 });
  const painting = await paint(bytes, extension);
  expect([painting.width, painting.height]).toEqual([HEIGHT, WIDTH]);
  expect(largestDifference(painting, await paint(image(upright).png(), 'png'))).toBe(0);
});

test('16 bits', async () => {
  const wide = Uint16Array.from(photo.data, (value) => value * 257);
  const bytes = await sharp(wide, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer();
  expect((await sharp(bytes).metadata()).depth).toBe('ushort');
  expect(largestDifference(await paint(bytes, 'png'), await plain)).toBe(0);
});

describe('grey', () => {
  const grey: Pixels = { ...photo, data: photo.data.filter((_, i) => i % 3 === 1), channels: 1 };
  const threefold: Pixels = {
    ...photo,
    data: Uint8Array.from(photo.data, (_, i) => grey.data[Math.floor(i / 3)] ?? 0),
  };
  const wanted = paint(image(threefold).png(), 'png');

  test('8 bits', async () => {
    const bytes = await image(grey).toColourspace('b-w').png().toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    expect(largestDifference(await paint(bytes, 'png'), await wanted)).toBe(0);
  });

  test('16 bits', async () => {
    const wide = Uint16Array.from(grey.data, (value) => value * 257);
    const bytes = await sharp(wide, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const { depth, channels } = await sharp(bytes).metadata();
    expect([depth, channels]).toEqual(['ushort', 1]);
    expect(largestDifference(await paint(bytes, 'png'), await wanted)).toBe(0);
  });

  test('with alpha', async () => {
    const both = new Uint8Array(WIDTH * HEIGHT * 2);
    grey.data.forEach((value, i) => {
      both[2 * i] = value;
      both[2 * i + 1] = i % 251;
    });
    const bytes = await image({ ...grey, data: both, channels: 2 })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(2);
    const painting = await paint(bytes, 'png');
    expect(painting.channels).toBe(4);
    expect(painting.data.filter((_, i) => i % 4 === 3)).toEqual(
      Uint8Array.from(grey.data, (_, i) => i % 251),
    );
  });
});

test('alpha is kept, and colours are painted as without it', async () => {
  const alpha = (i: number) => (i * 7) % 256;
  const rgba = new Uint8Array(WIDTH * HEIGHT * 4);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    rgba.set(photo.data.subarray(3 * i, 3 * i + 3), 4 * i);
    rgba[4 * i + 3] = alpha(i);
  }
  const painting = await paint(image({ ...photo, data: rgba, channels: 4 }).png(), 'png');
  expect(painting.channels).toBe(4);
  expect(painting.data.filter((_, i) => i % 4 === 3)).toEqual(
    Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => alpha(i)),
  );
  expect(painting.data.filter((_, i) => i % 4 !== 3)).toEqual((await plain).data);
});

test('CMYK', async () => {
  const bytes = await image(photo).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
  const { space, channels } = await sharp(bytes).metadata();
  expect([space, channels]).toEqual(['cmyk', 4]);
  const rgb = await sharp(bytes).toColourspace('srgb').png().toBuffer();
  const painting = await paint(bytes, 'jpg');
  expect(painting.channels).toBe(3);
  expect(largestDifference(painting, await paint(rgb, 'png'))).toBe(0);
});

test('an embedded profile is obeyed: wide-gamut numbers are converted, not taken as sRGB', async () => {
  const bytes = await image(photo).withIccProfile('p3').png().toBuffer();
  const { data } = await sharp(bytes)
    .metadata()
    .then(async ({ icc }) => {
      expect(icc).toBeDefined();
      return sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    });
  const untagged = image({ ...photo, data: await storedNumbers(bytes) }).png();
  const converted = image({ ...photo, data }).png();
  const painting = await paint(bytes, 'png');
  expect(largestDifference(painting, await paint(converted, 'png'))).toBe(0);
  expect(largestDifference(painting, await paint(untagged, 'png'))).toBeGreaterThan(0);
});

/** The numbers of a picture with a profile, unconverted. */
async function storedNumbers(bytes: Uint8Array): Promise<Uint8Array> {
  return sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
}
