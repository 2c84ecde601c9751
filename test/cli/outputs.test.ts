/** Where paintings go, in which format and size, and what is never overwritten. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gouache, gouacheInShell, image, makeFolder, makePixels, type Outcome } from './command_line.js';

let folder: ReturnType<typeof makeFolder>;
const at = (name: string) => join(folder.path, name);

beforeEach(async () => {
  folder = makeFolder();
  await image(makePixels(48, 36)).png().toFile(at('photo.png'));
});
afterEach(() => folder.remove());

const run = (...args: string[]): Promise<Outcome> => gouache(folder.path, ['paint', ...args]);

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

test('a link that leads nowhere has taken its name too', async () => {
  symlinkSync(at('nowhere'), at('photo-mosaic.png'));
  expect((await run('photo.png')).stdout).toContain('wrote photo-mosaic-2.png');
});

test('processes that want the same default name at once get one each', async () => {
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => run('photo.png', '--threads', '1')));
  expect(outcomes.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    outcomes.map(() => ({ code: 0, stderr: '' })),
  );
  const told = outcomes.map(({ stdout }) => /wrote (.*)\n$/.exec(stdout)?.[1] ?? '').sort();
  const files = readdirSync(folder.path).sort();
  expect(files).toEqual([...told, 'photo.png'].sort());
  expect(new Set(told).size).toBe(outcomes.length);
  for (const name of told)
    expect(readFileSync(at(name)).equals(readFileSync(at('photo-mosaic.png')))).toBe(true);
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

test('--output replaces what a link leads to, with the mode that it had', async () => {
  writeFileSync(at('real.png'), 'old');
  chmodSync(at('real.png'), 0o600);
  symlinkSync('real.png', at('out.png'));
  expect((await run('photo.png', '--output', 'out.png')).stdout).toContain('replaced out.png');
  expect(lstatSync(at('out.png')).isSymbolicLink()).toBe(true);
  expect((await sharp(at('real.png')).metadata()).width).toBe(48);
  expect(statSync(at('real.png')).mode & 0o777).toBe(0o600);
});

test('--output writes into a pipe, which stays one', async () => {
  execFileSync('mkfifo', [at('pipe.png')]);
  const [{ stdout }, bytes] = await Promise.all([
    run('photo.png', '--output', 'pipe.png'),
    readFile(at('pipe.png')),
  ]);
  expect(stdout).toContain('wrote pipe.png');
  expect((await sharp(bytes).metadata()).width).toBe(48);
  expect(lstatSync(at('pipe.png')).isFIFO()).toBe(true);
});

test('where the painting does not fit, the picture that was there stays, and nothing else', async () => {
  writeFileSync(at('out.png'), 'old');
  const outcome = await gouacheInShell(folder.path, 'ulimit -f 1; exec "$0" "$@"', [
    ...['paint', 'photo.png', '--output', 'out.png'],
  ]);
  expectRefused(outcome, 1, /cannot write out\.png: file too large/);
  expect(readFileSync(at('out.png'), 'utf8')).toBe('old');
  expect(readdirSync(folder.path).sort()).toEqual(['out.png', 'photo.png']);
});

test('a finished painting whose place is full is saved elsewhere', async () => {
  symlinkSync('/dev/full', at('full.png'));
  const outcome = await run('photo.png', '--output', 'full.png');
  expectRefused(
    outcome,
    1,
    /cannot write full\.png: the disk is full; the painting is saved as gouache-painting\.png/,
  );
  expect((await sharp(at('gouache-painting.png')).metadata()).width).toBe(48);
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

test('a place that cannot be is refused before anything is read or painted', async () => {
  await mkdir(at('folder.png'));
  symlinkSync('nowhere', at('dangling.png'));
  for (const [name, exit, reason] of [
    ['folder.png', 1, /is a folder/],
    ['out.png/', 1, /is a folder/],
    ['nowhere/out.png', 1, /no folder/],
    ['photo.png/out.png', 1, /no folder/],
    ['dangling.png', 1, /dangling\.png is a link to a file that is not there/],
    [`${'long'.repeat(64)}.png`, 1, /the name is too long/],
    // Not even root makes files there.
    ['/sys/out.png', 1, /cannot write \/sys\/out\.png: no file can be made in \/sys: /],
    ['out.gif', 2, /\.webp/],
    ['out', 2, /must end in/],
  ] as const) {
    expectRefused(await run('nothing.png', '--output', name), exit, reason);
  }
  expectRefused(await run(`${'long'.repeat(62)}.png`), 1, /name is too long; --output names another file/);
  expectRefused(
    await gouache('/sys', ['paint', 'nothing.png']),
    1,
    /cannot write nothing-mosaic\.png.*--output names another file/,
  );
  expect(readdirSync(folder.path).sort()).toEqual(['dangling.png', 'folder.png', 'photo.png']);
});

test.each([
  ['webp', 16_383],
  ['jpg', 65_500],
])('a side that no .%s holds is refused before painting', async (extension, longest) => {
  // A line of pixels cannot be painted either, which would be said later.
  await image(makePixels(longest + 1, 1))
    .png()
    .toFile(at('line.png'));
  const outcome = await run('line.png', '--size', 'full', '--output', `line.${extension}`);
  expectRefused(outcome, 1, new RegExp(`at most ${longest} pixels a side.*--size ${longest}`));
  // The limit is the format's.
  await image(makePixels(longest, 1)).toFile(at(`longest.${extension}`));
  await expect(image(makePixels(longest + 1, 1)).toFile(at(`longer.${extension}`))).rejects.toThrow();
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
