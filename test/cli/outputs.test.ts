/** Where paintings go, in which format and size, and what is never overwritten. */
import { copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gouache, image, makeFolder, makePixels, type Outcome } from './command_line.js';

let folder: ReturnType<typeof makeFolder>;
const at = (name: string) => join(folder.path, name);

beforeEach(async () => {
  folder = makeFolder();
  await image(makePixels(48, 36)).png().toFile(at('photo.png'));
});
afterEach(() => folder.remove());

const run = (...args: string[]): Promise<Outcome> => gouache(folder.path, ['stylize', ...args]);

/** Exit code 1 or 2, and one line that names the command, without a stack. */
function expectRefused({ code, stdout, stderr }: Outcome, exit: number, reason: RegExp): void {
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(/^gouache: [^\n]+\n$/);
  expect(stdout).not.toMatch(/wrote|replaced/);
  expect(code).toBe(exit);
}

test('the default name derives from the photo and the model, and never replaces a file', async () => {
  const before = readFileSync(at('photo.png'));
  expect(await run('photo.png')).toMatchObject({ code: 0, stderr: '' });
  const first = readFileSync(at('photo-mosaic.png'));
  const second = await run('photo.png');
  expect(second.stdout).toContain('wrote photo-mosaic-2.png');
  expect(readFileSync(at('photo-mosaic.png')).equals(first)).toBe(true);
  expect(readFileSync(at('photo-mosaic-2.png')).equals(first)).toBe(true);
  expect(readFileSync(at('photo.png')).equals(before)).toBe(true);
});

test.each(['1', '2'])('it tells build, threads (%s), size, milliseconds and path', async (threads) => {
  const model = ['--model', 'starry-night', '--output', `night-${threads}.png`];
  const { stdout, stderr } = await run('photo.png', ...model, '--build', 'simd128', '--threads', threads);
  expect(stderr).toBe('');
  const spelled = threads === '1' ? '1 thread' : `${threads} threads`;
  expect(stdout).toMatch(
    new RegExp(
      `^painted photo\\.png as starry-night: build simd128, ${spelled}, 48x36, \\d+ ms\nwrote night-${threads}\\.png\n$`,
    ),
  );
});

test('without --threads it takes what may be used, and without --output the model names the file', async () => {
  const { stdout } = await run('photo.png', '--model', 'starry-night');
  const most = Math.min(8, availableParallelism());
  expect(Number(/, (\d+) threads?,/.exec(stdout)?.[1])).toBeLessThanOrEqual(most);
  expect(stdout).toContain('wrote photo-starry-night.png');
});

test('without a photo it paints the bundled one with the default weights', async () => {
  const { code, stdout } = await run();
  expect(code).toBe(0);
  expect(stdout).toContain('600x400');
  const { width, height, hasAlpha } = await sharp(at('coffee-mosaic.png')).metadata();
  expect([width, height, hasAlpha]).toEqual([600, 400, false]);
});

test('a model can be a file', async () => {
  copyFileSync(new URL('../../models/scream.safetensors', import.meta.url), at('mine.safetensors'));
  const { code, stdout } = await run('photo.png', '--model', './mine.safetensors');
  expect(code).toBe(0);
  expect(stdout).toContain('wrote photo-mine.png');
});

test.each([
  ['out.png', 'png'],
  ['out.jpg', 'jpeg'],
  ['out.JPEG', 'jpeg'],
  ['out.webp', 'webp'],
])('--output %s writes %s', async (name, format) => {
  expect(await run('photo.png', '--output', name)).toMatchObject({ code: 0, stderr: '' });
  const metadata = await sharp(at(name)).metadata();
  expect(metadata).toMatchObject({ format, width: 48, height: 36, hasAlpha: false });
  expect(metadata.icc).toBeUndefined();
  expect(metadata.exif).toBeUndefined();
});

test('a transparent picture as JPEG lies on white', async () => {
  const clear = { data: new Uint8Array(48 * 36 * 4), width: 48, height: 36, channels: 4 };
  await image(clear).png().toFile(at('clear.png'));
  expect(await run('clear.png', '--output', 'clear.jpg')).toMatchObject({ code: 0 });
  const { channels } = await sharp(at('clear.jpg')).stats();
  expect(channels.map(({ min }) => min >= 254)).toEqual([true, true, true]);
});

test('--output replaces a file and says so', async () => {
  writeFileSync(at('out.png'), 'old');
  const { code, stdout } = await run('photo.png', '--output', 'out.png');
  expect(code).toBe(0);
  expect(stdout).toContain('replaced out.png');
  expect((await sharp(at('out.png')).metadata()).width).toBe(48);
});

test('the photo itself is never overwritten, under no name', async () => {
  const before = readFileSync(at('photo.png'));
  symlinkSync(at('photo.png'), at('link.png'));
  for (const name of ['photo.png', './photo.png', 'link.png']) {
    expectRefused(await run('photo.png', '--output', name), 1, /is the photo itself/);
  }
  expectRefused(await run('link.png', '--output', 'photo.png'), 1, /is the photo itself/);
  expect(readFileSync(at('photo.png')).equals(before)).toBe(true);
});

test('folders and unknown formats are refused before anything is painted', async () => {
  await mkdir(at('folder.png'));
  expectRefused(await run('photo.png', '--output', 'folder.png'), 1, /is a folder/);
  expectRefused(await run('photo.png', '--output', 'nowhere/out.png'), 1, /no folder/);
  expectRefused(await run('photo.png', '--output', 'out.gif'), 2, /\.webp/);
  expectRefused(await run('photo.png', '--output', 'out'), 2, /must end in/);
  expect(existsSync(at('out.gif'))).toBe(false);
});

test('--size bounds the longest side, with a note, and never enlarges', async () => {
  const small = await run('photo.png', '--size', '24', '--output', 'small.png');
  expect(small.stdout).toContain('shrunk from 48x36 to 24x18; --size full paints every pixel');
  expect(await sharp(at('small.png')).metadata()).toMatchObject({ width: 24, height: 18 });
  const large = await run('photo.png', '--size', '4000', '--output', 'large.png');
  expect(large.stdout).not.toContain('shrunk');
  expect(await sharp(at('large.png')).metadata()).toMatchObject({ width: 48, height: 36 });
});

test('pictures of more than 1024 pixels are shrunk by default, and not by --size full', async () => {
  await image(makePixels(1040, 20)).png().toFile(at('long.png'));
  const bounded = await run('long.png', '--output', 'bounded.png');
  expect(bounded.stdout).toContain('shrunk from 1040x20 to 1024x20');
  const full = await run('long.png', '--size', 'full', '--output', 'full.png');
  expect(full.stdout).not.toContain('shrunk');
  expect(await sharp(at('full.png')).metadata()).toMatchObject({ width: 1040, height: 20 });
});
