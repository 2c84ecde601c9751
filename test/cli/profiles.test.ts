/** Files of every depth and with every kind of profile are read as the colours that they mean, computed here by hand. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { readPicture } from '../../dist/cli/pictures.js';
import { makeFolder } from './command_line.js';
import { COLOUR_PROFILES, GREY_PROFILES, type Numbers, type Profile, png } from './profiles.js';

const folder = makeFolder();
afterAll(folder.remove);

const [WIDTH, HEIGHT] = [48, 40];

/** Numbers that look random, many of them dark. From 8 levels of 255 up: sharp draws a grey profile's curve through 33 points, and below the second of them a straight line is up to 10 levels off a linear one. */
function numbers(channels: Numbers['channels'], bits: Numbers['bits']): Numbers {
  let state = channels * 100 + bits;
  const [least, most] = bits === 8 ? [8, 255] : [8 * 257, 65535];
  const values = Array.from({ length: WIDTH * HEIGHT * channels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const share = state / 2 ** 32;
    return Math.round(least + (most - least) * share ** 2);
  });
  return { width: WIDTH, height: HEIGHT, channels, bits, values };
}

/**
 * Levels that sharp may be off: half a level is rounding, the rest its fixed-point arithmetic (0.3 measured) and, of grey, its 33 points (0.9).
 * Of 16 bits it keeps the upper 8 before it applies a profile (65280 becomes 255, 255 becomes 0): a result is right if it is that of a colour
 * at most a level away.
 */
const STEPS = { colour: 1, grey: 1.5 };

/** How far the levels of a file lie outside of what is right, at most; of colours and of alpha. */
async function errors(bytes: Buffer, of: Numbers, profile: Profile) {
  const file = join(folder.path, 'picture');
  writeFileSync(file, bytes);
  const { data, width, height, channels } = await readPicture(file, null);
  expect([width, height, channels]).toEqual([of.width, of.height, of.channels % 2 === 0 ? 4 : 3]);
  const most = 2 ** of.bits - 1;
  const lost = of.bits === 16 ? 1 / 255 : 0;
  let [colour, alpha] = [0, 0];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const value = (k: number): number => (of.values[pixel * of.channels + k] ?? Number.NaN) / most;
    const level = (k: number): number => data[pixel * channels + k] ?? Number.NaN;
    const [r, g, b] = of.channels < 3 ? [value(0), value(0), value(0)] : [value(0), value(1), value(2)];
    // Corners suffice: matrix and curves are monotone in each number.
    const near = (x: number, bit: number): number => Math.min(Math.max(x + (bit === 0 ? lost : -lost), 0), 1);
    const corners = Array.from({ length: 8 }, (_, corner) =>
      profile.toSrgb([near(r, corner & 1), near(g, corner & 2), near(b, corner & 4)]),
    );
    for (const c of [0, 1, 2] as const) {
      const right = corners.map((corner) => corner[c] * 255);
      colour = Math.max(colour, Math.min(...right) - level(c), level(c) - Math.max(...right));
    }
    if (channels === 4) alpha = Math.max(alpha, Math.abs(level(3) - value(of.channels - 1) * 255));
  }
  return { colour, alpha };
}

describe.each([8, 16] as const)('%s bits', (bits) => {
  describe.each([
    { kind: 'opaque', alpha: 0 },
    { kind: 'with alpha', alpha: 1 },
  ] as const)('$kind', ({ alpha }) => {
    test.each(Object.entries(GREY_PROFILES))('grey, profile: %s', async (_, profile) => {
      const given = numbers(alpha === 1 ? 2 : 1, bits);
      const off = await errors(png(given, profile.bytes), given, profile);
      expect(off.colour).toBeLessThanOrEqual(STEPS.grey);
      expect(off.alpha).toBeLessThanOrEqual(bits === 16 ? 1 : 0);
    });

    test.each(Object.entries(COLOUR_PROFILES))('RGB, profile: %s', async (_, profile) => {
      const given = numbers(alpha === 1 ? 4 : 3, bits);
      const off = await errors(png(given, profile.bytes), given, profile);
      expect(off.colour).toBeLessThanOrEqual(STEPS.colour);
      expect(off.alpha).toBeLessThanOrEqual(bits === 16 ? 1 : 0);
    });
  });
});

test.each([
  { kind: 'grey', given: numbers(1, 16), space: 'grey16', profile: GREY_PROFILES['gamma 1.0'] },
  { kind: 'RGB', given: numbers(3, 16), space: 'rgb16', profile: COLOUR_PROFILES['Display P3'] },
])('TIFF of 16 bits: $kind', async ({ given, space, profile }) => {
  const bytes = await sharp(png(given, profile.bytes))
    .keepIccProfile()
    .toColourspace(space)
    .tiff({ compression: 'deflate' })
    .toBuffer();
  expect(await sharp(bytes).metadata()).toMatchObject({ depth: 'ushort', space, hasProfile: true });
  expect((await errors(bytes, given, profile)).colour).toBeLessThanOrEqual(STEPS.grey);
});

test.each([8, 10] as const)('AVIF of %i bits in Display P3', async (bitdepth) => {
  const [width, height] = [32, 32];
  const profile = COLOUR_PROFILES['Display P3'];
  const values = Array.from({ length: width * height }, () => [200, 90, 60].map((x) => x * 257)).flat();
  const wide = png({ width, height, channels: 3, bits: 16, values }, profile.bytes);
  const bytes = await sharp(wide)
    .keepIccProfile()
    .toColourspace(bitdepth === 8 ? 'srgb' : 'rgb16')
    .avif({ bitdepth, quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer();
  expect(await sharp(bytes).metadata()).toMatchObject({ bitsPerSample: bitdepth, hasProfile: true });
  const file = join(folder.path, 'picture.avif');
  writeFileSync(file, bytes);
  const { data } = await readPicture(file, null);
  const right = profile.toSrgb([200 / 255, 90 / 255, 60 / 255]);
  // A step for the codec's own colours (YCbCr) beside the profile's.
  for (const c of [0, 1, 2] as const)
    expect(Math.abs((data[c] ?? Number.NaN) - right[c] * 255)).toBeLessThanOrEqual(2.5);
});

describe('CMYK without a profile', () => {
  const names = ['paper', 'black', 'cyan', 'magenta', 'yellow'] as const;
  /** What prints of these inks look like: saturated, but less so than light. */
  const inks = sharp(
    Buffer.from(
      [
        [255, 255, 255],
        [0, 0, 0],
        [0, 160, 220],
        [220, 0, 120],
        [250, 230, 0],
      ].flat(),
    ),
    { raw: { width: names.length, height: 1, channels: 3 } },
  )
    .resize(names.length * 16, 16, { kernel: 'nearest', fit: 'fill' })
    .toColourspace('cmyk');

  test.each(['tiff', 'jpeg'] as const)('%s', async (format) => {
    const image = inks.clone();
    const bytes = await (format === 'tiff'
      ? image.tiff({ compression: 'none' })
      : image.jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    ).toBuffer();
    expect(await sharp(bytes).metadata()).toMatchObject({ space: 'cmyk', channels: 4, hasProfile: false });
    const file = join(folder.path, `inks.${format}`);
    writeFileSync(file, bytes);
    const { data, width, channels } = await readPicture(file, null);
    expect(channels).toBe(3);
    const shown = Object.fromEntries(
      names.map((name, i) => [name, [...data.subarray((8 * width + i * 16 + 8) * 3).subarray(0, 3)]]),
    );
    const levels = (name: (typeof names)[number]): number[] => shown[name] ?? [];
    expect(Math.min(...levels('paper'))).toBeGreaterThan(250);
    expect(Math.max(...levels('black'))).toBeLessThan(40);
    // Each ink takes away the light that is its complement.
    for (const [name, dark] of [
      ['cyan', 0],
      ['magenta', 1],
      ['yellow', 2],
    ] as const) {
      const [least = 0, ...others] = [...levels(name)].sort((a, b) => a - b);
      expect(levels(name)[dark]).toBe(least);
      expect(Math.min(...others)).toBeGreaterThan(least + 80);
    }
  });
});
