/** The README's programs run as they stand, in a project that has gouache and sharp installed. */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
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

/** What isolates a page, by the file that the README would put it in. */
const isolating = new Map(
  [...readme.matchAll(/^```javascript\n(\/\/ ([\w.]+\w)[^\n]*\n[\s\S]*?)^```$/gm)].map(
    ([, code = '', file = '']) => [file, code],
  ),
);
const ISOLATING = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Writes the file, and gives its address. */
function written(file: string, change = (code: string) => code): URL {
  const place = join(folder.path, file.replace(/\.js$/, '.mjs'));
  writeFileSync(place, change(isolating.get(file) ?? ''));
  return pathToFileURL(place);
}

test('what the README gives to Vite and Next isolates a page', async () => {
  expect([...isolating.keys()]).toEqual(['vite.config.js', 'next.config.mjs', 'server.mjs']);
  const { default: vite } = await import(written('vite.config.js').href);
  expect(vite).toEqual({ server: { headers: ISOLATING }, preview: { headers: ISOLATING } });
  const { default: next } = await import(written('next.config.mjs').href);
  const [{ source, headers }] = await next.headers();
  expect(new RegExp(`^${source}$`).test('/any/page')).toBe(true);
  expect(Object.fromEntries(headers.map(({ key, value }: Record<string, string>) => [key, value]))).toEqual(
    ISOLATING,
  );
});

test('the README’s plain server isolates its pages', async () => {
  mkdirSync(join(folder.path, 'dist'), { recursive: true });
  writeFileSync(join(folder.path, 'dist/index.html'), '<!doctype html>');
  const port = await freePort();
  const file = written('server.mjs', (code) => code.replace('8080', String(port)));
  const server = spawn(process.execPath, [fileURLToPath(file)], { cwd: folder.path, stdio: 'ignore' });
  try {
    const response = await answerOf(`http://localhost:${port}/`);
    expect([response.status, await response.text()]).toEqual([200, '<!doctype html>']);
    for (const [name, value] of Object.entries(ISOLATING)) expect(response.headers.get(name)).toBe(value);
    expect((await answerOf(`http://localhost:${port}/nothing.js`)).status).toBe(404);
  } finally {
    server.kill();
  }
});

/** A port that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The server's answer, once it listens. */
async function answerOf(url: string): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(url);
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
