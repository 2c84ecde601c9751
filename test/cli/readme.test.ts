/** The README's programs run as they stand, in a project that has gouache and sharp installed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  for (const name of ['sharp', 'express'])
    symlinkSync(fileURLToPath(new URL(`node_modules/${name}`, repository)), join(modules, name));
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
  /^128 96\n$/,
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

describe('the README’s plain server', () => {
  let port: number;
  let server: ChildProcess;
  beforeAll(async () => {
    mkdirSync(join(folder.path, 'dist'));
    for (const file of ['dist/index.html', 'dist/app.js', 'dist/kernels.wasm', 'dist/m.safetensors'])
      writeFileSync(join(folder.path, file), file);
    writeFileSync(join(folder.path, 'secret.txt'), 'the password');
    port = await freePort();
    const file = written('server.mjs', (code) => code.replace('8080', String(port)));
    server = spawn(process.execPath, [fileURLToPath(file)], { cwd: folder.path, stdio: 'ignore' });
    await listening(port);
  });
  afterAll(() => {
    server.kill();
  });

  test.each([
    ['/', 'dist/index.html', 'text/html; charset=utf-8'],
    ['/app.js', 'dist/app.js', 'text/javascript; charset=utf-8'],
    ['/kernels.wasm', 'dist/kernels.wasm', 'application/wasm'],
    ['/m.safetensors', 'dist/m.safetensors', 'application/octet-stream'],
  ])('serves %s with what isolates a page', async (path, body, type) => {
    const answer = await ask(port, path);
    expect(answer).toMatchObject({ status: 200, body, headers: { 'content-type': type } });
    for (const [name, value] of Object.entries(ISOLATING))
      expect(answer.headers[name.toLowerCase()]).toBe(value);
  });

  test.each<[path: string, options: RequestOptions]>([
    ['/..%2fsecret.txt', {}],
    ['/..%5csecret.txt', {}],
    ['/../secret.txt', {}],
    ['/%2e%2e/secret.txt', {}],
    ['//secret.txt', {}],
    ['/%', {}],
    ['/%00', {}],
    ['//', {}],
    ['http://', {}],
    [`/${'x'.repeat(300)}`, {}],
    ['/nothing.js', {}],
    ['/index.html', { headers: { range: 'bytes=2-1' } }],
    ['/', { method: 'POST' }],
  ])('%s %j: no secret, and it goes on', async (path, options) => {
    const { body } = await ask(port, path, options);
    expect(body).not.toContain('password');
    expect(await ask(port, '/')).toMatchObject({ status: 200, body: 'dist/index.html' });
    expect(server.exitCode).toBeNull();
  });
});

/** A port that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves once a server listens. */
async function listening(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await ask(port, '/');
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The answer to a path that is sent as it stands; fetch would tidy it up. */
function ask(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, host: 'localhost', port, path, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    asked.on('error', reject).end();
  });
}
