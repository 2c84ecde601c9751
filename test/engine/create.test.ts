// Engine.create: every option, where the host ends up, and what info() says about it.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Engine, type EngineOptions, Tensor } from 'gouache';
import { expect, test } from 'vitest';
import { foreign } from './support/broken_wasm.js';
import { engineFor } from './support/engines.js';

const wasmUrl = import.meta.resolve('gouache/wasm/simd128.wasm');

async function works(engine: Engine): Promise<void> {
  const y = await engine.run((x) => x.mul(2), Tensor.from([1, -2, 3], [3]));
  expect([...y.data]).toEqual([2, -4, 6]);
}

test('the plain call picks the best build and a worker', async () => {
  const warnings: string[] = [];
  const engine = await engineFor({ onWarning: (text) => warnings.push(text) });
  const info = engine.info();
  expect(info).toMatchObject({ build: 'relaxed-simd', host: 'worker' });
  expect(info.threads).toBeLessThanOrEqual(Math.min(8, availableParallelism()));
  for (const reason of [info.buildReason, info.threadsReason, info.hostReason]) expect(reason).not.toBe('');
  expect(warnings).toEqual([]);
  await works(engine);
});

test.each(['simd128', 'relaxed-simd'] as const)('build %s when it is asked for', async (build) => {
  const engine = await engineFor({ build });
  expect(engine.info()).toMatchObject({ build, buildReason: 'asked for with { build }' });
  await works(engine);
});

test('{ worker: false } computes on the caller’s thread', async () => {
  const engine = await engineFor({ worker: false });
  expect(engine.info().host).toBe('caller');
  await works(engine);
});

test('an option that does not exist is refused, since a typo would go unheard', async () => {
  await expect(Engine.create({ bild: 'simd128' } as object)).rejects.toThrow('no such option');
});

test('as many threads as are asked for, also more than there are processors', async () => {
  const engine = await engineFor({ threads: 4 });
  expect(engine.info()).toMatchObject({ threads: 4, threadsReason: 'asked for with { threads }' });
  await works(engine);
});

test('a threads build that is given: as many threads as are asked for, also one, also on the caller’s thread', async () => {
  const wasm = import.meta.resolve('gouache/wasm/simd128-threads.wasm');
  for (const options of [{ threads: 2 }, { threads: 1 }, { threads: 2, worker: false }]) {
    const engine = await engineFor({ wasm, ...options });
    expect(engine.info()).toMatchObject({
      build: 'custom',
      threads: options.worker === false ? 1 : options.threads,
    });
    await works(engine);
  }
});

test('a workerUrl that does not answer: a worker from the text, and a warning', async () => {
  const warnings: string[] = [];
  const engine = await engineFor({
    workerUrl: 'file:///nowhere/worker.js',
    onWarning: (text) => warnings.push(text),
  });
  expect(engine.info().host).toBe('worker');
  expect(engine.info().hostReason).toContain('/nowhere/worker.js');
  expect(warnings).toHaveLength(1);
  await works(engine);
});

test('a workerUrl that answers is used', async () => {
  const url = new URL('../../dist/platform/gouache_worker.js', import.meta.url);
  const engine = await engineFor({ workerUrl: url });
  expect(engine.info()).toMatchObject({ host: 'worker', hostReason: `a worker from ${url.href} answered` });
  await works(engine);
});

test('wasm: a module, its bytes, a URL or a Response', async () => {
  const bytes = await readFile(new URL(wasmUrl));
  const sources: EngineOptions['wasm'][] = [
    await WebAssembly.compile(bytes),
    bytes,
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    wasmUrl,
    new URL(wasmUrl),
    new Response(bytes),
  ];
  for (const wasm of sources) {
    const engine = await engineFor({ wasm });
    expect(engine.info().build).toBe('custom');
    await works(engine);
  }
});

test.each<[string, EngineOptions, string]>([
  ['an unknown build', { build: 'mmx' as 'simd128' }, 'argument'],
  ['no threads', { threads: 0 }, 'argument'],
  ['half a thread', { threads: 1.5 }, 'argument'],
  ['more threads than a plan has room for', { threads: 65 }, 'argument'],
  ['too little memory', { maxMemoryBytes: 1000 }, 'argument'],
  ['memory that is no number', { maxMemoryBytes: Number.NaN }, 'argument'],
  ['a worker that is a URL', { worker: 'gouache_worker.js' as unknown as boolean }, 'argument'],
  ['an empty workerUrl', { workerUrl: '' }, 'argument'],
  ['onWarning that cannot be called', { onWarning: 'log' as unknown as () => void }, 'argument'],
  ['a wasm that is a number', { wasm: 3 as unknown as object }, 'argument'],
  ['a wasm file that is not there', { wasm: 'file:///nowhere/gouache.wasm' }, 'argument'],
  ['a failed Response', { wasm: new Response('', { status: 404 }) }, 'argument'],
  ['bytes that are not wasm', { wasm: Uint8Array.of(1, 2, 3) }, 'unsupported'],
  ['someone else’s wasm', { wasm: foreign }, 'unsupported'],
  ['a build and a wasm', { wasm: foreign, build: 'simd128' }, 'argument'],
])('refuses %s', async (_, options, code) => {
  await expect(Engine.create(options)).rejects.toMatchObject({ code });
});
