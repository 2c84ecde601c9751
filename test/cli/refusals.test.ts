/** Help, and what is wrong with a command line or a file: one clear line, exit code 1 or 2, no stack. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gouache, image, makeFolder, makePixels, type Outcome } from './command_line.js';

const FAILURE = 1;
const USAGE = 2;

const folder = makeFolder();
afterAll(folder.remove);
const at = (name: string) => join(folder.path, name);
const run = (...args: string[]): Promise<Outcome> => gouache(folder.path, args);

const packageUrl = new URL('../../', import.meta.url);

beforeAll(async () => {
  const png = await image(makePixels(48, 36)).png().toBuffer();
  writeFileSync(at('photo.png'), png);
  writeFileSync(at('text.png'), 'not a picture');
  writeFileSync(at('empty.png'), '');
  await image(makePixels(1, 1)).png().toFile(at('dot.png'));
  mkdirSync(at('folder'));
  writeFileSync(at('text.safetensors'), 'not a model');
  // The same file, but it says that it is another network; the header keeps its length.
  const mosaic = readFileSync(new URL('models/mosaic.safetensors', packageUrl)).toString('latin1');
  const renamed = mosaic.replace('"StyleTransferNetwork"', '"CycleGANGenerator"   ');
  writeFileSync(at('renamed.safetensors'), renamed, 'latin1');
  // Some 24 million pixels: more activations than 4 GiB hold.
  const create = { width: 6000, height: 4000, channels: 3, background: '#456' } as const;
  await sharp({ create }).png({ compressionLevel: 1 }).toFile(at('huge.png'));
});

function expectLine({ code, stdout, stderr }: Outcome, exit: number, ...parts: readonly RegExp[]): void {
  expect(stderr).toMatch(/^gouache: [^\n]+\n$/);
  for (const part of parts) expect(stderr).toMatch(part);
  expect(stderr).not.toMatch(/ at .*:\d+:\d+/);
  expect(stdout).not.toMatch(/wrote/);
  expect(code).toBe(exit);
}

test('help and version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', packageUrl), 'utf8')) as {
    version: string;
  };
  expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  for (const args of [[], ['--help'], ['-h']]) {
    const { code, stdout } = await run(...args);
    expect(code).toBe(0);
    expect(stdout).toContain('paint');
  }
  const { code, stdout } = await run('paint', '--help');
  expect(code).toBe(0);
  for (const option of ['--model', '--output', '--size', '--build', '--threads'])
    expect(stdout).toContain(option);
});

test.each<[readonly string[], RegExp]>([
  [['stylize'], /unknown command 'stylize'/],
  [['paint', '--colour', 'red'], /unknown option '--colour'/],
  [['paint', 'a.png', 'b.png'], /unexpected argument: b\.png/],
  [['paint', 'photo.png', '--size'], /--size/],
  [['paint', 'photo.png', '--size', '0'], /--size wants a whole number from 1.*'0'/],
  [['paint', 'photo.png', '--size', 'big'], /'big'/],
  [['paint', 'photo.png', '--size', '2.5'], /'2\.5'/],
  [['paint', 'photo.png', '--size=-3'], /'-3'/],
  [['paint', 'photo.png', '--threads', '0'], /--threads/],
  [['paint', 'photo.png', '--threads', '65'], /--threads wants a whole number from 1 to 64.*'65'/],
  [['paint', 'photo.png', '--build', 'avx'], /--build wants simd128 or relaxed-simd.*'avx'/],
])('gouache %j: a mistake in the command line', async (args, reason) => {
  expectLine(await run(...args), USAGE, reason);
});

test.each<[readonly string[], RegExp]>([
  [['nothing.png'], /nothing\.png: no such file/],
  [['folder'], /folder: a folder, not a file/],
  [['text.png'], /cannot decode text\.png/],
  [['empty.png'], /cannot decode empty\.png/],
  [['photo.png', '--model', 'picasso'], /no model is called 'picasso'.*mosaic, scream, starry-night/],
  [['photo.png', '--model', './nothing.safetensors'], /nothing\.safetensors: no such file/],
  [['photo.png', '--model', './text.safetensors'], /text\.safetensors/],
  [['photo.png', '--model', './photo.png'], /photo\.png/],
  [
    ['photo.png', '--model', './renamed.safetensors'],
    /renamed\.safetensors: CycleGANGenerator.*does not fit.*missing/,
  ],
  [['huge.png', '--size', 'full'], /6000x4000 pixels do not fit memory \(\d+ MiB\); --size \d+ does/],
  [['dot.png'], /1.*1/],
])('gouache paint %j: a file that cannot be used', async (args, reason) => {
  expectLine(await run('paint', ...args), FAILURE, reason);
});

const STEERING = 'a\x1b[31m\n\u202e b';

test.each<[readonly string[]]>([
  [[STEERING]],
  [['paint', 'photo.png', STEERING]],
  [['paint', 'photo.png', '--size', STEERING]],
  [['paint', `${STEERING}.png`]],
  [['paint', 'photo.png', '--model', STEERING]],
  [['paint', 'photo.png', '--model', `./${STEERING}`]],
  [['paint', 'photo.png', '--output', `${STEERING}/out.png`]],
])('gouache %j: names do not steer the terminal', async (args) => {
  const outcome = await run(...args);
  expectLine(outcome, outcome.code, /a\\u\{1b\}\[31m\\n\\u\{202e\} b/);
  expect(outcome.code).not.toBe(0);
});

test('without sharp, the line to run', async () => {
  // Outside the repository, nothing leads to its node_modules.
  const copy = at('installed-without-sharp');
  for (const part of ['dist', 'models', 'examples/photos', 'package.json']) {
    cpSync(fileURLToPath(new URL(part, packageUrl)), join(copy, part), { recursive: true });
  }
  const outcome = await gouache(folder.path, ['paint', 'photo.png'], join(copy, 'dist/bundle/cli/main.js'));
  expectLine(outcome, FAILURE, /needs the package sharp.*npm install sharp/);
});
