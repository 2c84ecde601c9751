/** Whatever becomes of stdout and stderr, the painting is written; what goes there does not steer a terminal. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { gouacheInShell, image, makeFolder, makePixels } from './command_line.js';

const folder = makeFolder();
afterAll(folder.remove);
const at = (name: string) => join(folder.path, name);
const painting = () => sharp(at('out.png')).metadata();

// A photo that is shrunk, which is told before it is painted.
const ARGS = ['paint', 'photo.png', '--size', '24', '--output', 'out.png'];

beforeAll(async () => {
  await image(makePixels(48, 36)).png().toFile(at('photo.png'));
  await image(makePixels(48, 36)).png().toFile(at('a\x1b[31m\n\u202e b.png'));
});
beforeEach(() => rmSync(at('out.png'), { force: true }));

test('a reader that has left does not end the run', async () => {
  const line = '{ "$0" "$@"; echo $? > code; } | head -n 0';
  expect(await gouacheInShell(folder.path, line, ARGS)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(readFileSync(at('code'), 'utf8')).toBe('0\n');
  expect((await painting()).width).toBe(24);
});

test('a full disk under stdout is told once, in the exit code too, and the painting is written', async () => {
  expect(await gouacheInShell(folder.path, '"$0" "$@" > /dev/full', ARGS)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'gouache: cannot write to stdout: the disk is full\n',
  });
  expect((await painting()).width).toBe(24);
});

test.each(['{ "$0" "$@" 2>&1; echo $? > code; } | head -n 0', '"$0" "$@" > /dev/full 2>&1; echo $? > code'])(
  'a complaint that nobody gets keeps its exit code: %s',
  async (line) => {
    expect(await gouacheInShell(folder.path, line, ['paint', '--size', '0'])).toMatchObject({ stderr: '' });
    expect(readFileSync(at('code'), 'utf8')).toBe('2\n');
  },
);

test('a name that would steer the terminal is spelled out', async () => {
  const { stdout } = await gouacheInShell(folder.path, 'exec "$0" "$@"', [
    'paint',
    'a\x1b[31m\n\u202e b.png',
  ]);
  expect(stdout).toMatch(
    /^painted a\\u\{1b\}\[31m\\n\\u\{202e\} b\.png as .*\nwrote a\\u\{1b\}\[31m\\n\\u\{202e\} b-mosaic\.png\n$/,
  );
});
