/** The README's programs run as they stand, in a project that has gouache and sharp installed. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { image, makeFolder, makePixels } from './command_line.js';

const repository = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', repository), 'utf8');
const programs = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);

const folder = makeFolder();
afterAll(folder.remove);

beforeAll(async () => {
  const modules = join(folder.path, 'node_modules');
  mkdirSync(modules);
  symlinkSync(fileURLToPath(repository), join(modules, 'gouache'));
  symlinkSync(fileURLToPath(new URL('node_modules/sharp', repository)), join(modules, 'sharp'));
  await image(makePixels(64, 48)).jpeg().toFile(join(folder.path, 'photo.jpg'));
});

async function run(code: string): Promise<string> {
  const file = join(folder.path, `program-${programs.indexOf(code)}.mjs`);
  writeFileSync(file, code);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: folder.path });
  expect(stderr).toBe('');
  return stdout;
}

/** What each program prints, in the README's order. */
const PRINTED = [
  /^(simd128|relaxed-simd)\n$/,
  /^\[ 1, 3, 64, 64 \] 12288 float32\n(\S+ \S+ [\d.e-]+\n)+$/,
  /^\[ 1, 8, 16, 16 \]\n\[ 1, 8 \]\n$/,
  /^3\d{6}\n$/,
  /^shape Conv2d: .*3 .*\n$/,
];

test('each program of the README is tested', () => {
  expect(programs).toHaveLength(PRINTED.length);
});

test.each(PRINTED.map((printed, index) => ({ printed, index })))(
  'program $index',
  async ({ printed, index }) => {
    expect(await run(programs[index] ?? '')).toMatch(printed);
  },
);
