// Engine.create: every option, where the host ends up, and what info() says about it.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Engine, type EngineOptions, Tensor } from 'gouache';
import { expect, test, vi } from 'vitest';
import { workerAfter } from '../threads/support/doomed_worker.js';
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

const script = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;
const LISTENS = "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {});";

test.each([
  [
    'speaks at once',
    `${LISTENS} parentPort.postMessage({ id: 1, error: 'x' });`,
    'not the worker of gouache',
  ],
  ['sends nothing that has fields', `${LISTENS} parentPort.postMessage(null);`, 'not the worker of gouache'],
  [
    'is of another version',
    `${LISTENS} parentPort.postMessage({ gouache: '0.0.1' });`,
    'gouache 0.0.1, not 0.1.0',
  ],
  ['throws', "throw new Error('no worker at all');", 'no worker at all'],
  ['ends at once', '', 'exit code 0'],
  ['never says a word', LISTENS, 'no answer in 5000 ms'],
])('a script of somebody else’s that %s: a worker from the text, and the reason', async (_, text, reason) => {
  const warnings: string[] = [];
  const engine = await engineFor({
    workerUrl: script(text),
    threads: 2,
    onWarning: (warning) => warnings.push(warning),
  });
  const { host, hostReason, threads } = engine.info();
  expect({ host, threads }).toEqual({ host: 'worker', threads: 2 });
  expect(hostReason).toContain(reason);
  // The engine works; there is no need of another.
  expect(hostReason).not.toContain('Make a new engine');
  expect(warnings).toHaveLength(1);
  await works(engine);
});

test('a foreign script is sent nothing', async () => {
  const channel = new BroadcastChannel('gouache-test-foreign');
  const heard: unknown[] = [];
  channel.onmessage = (event) => heard.push((event as MessageEvent).data);
  const tells = `import { parentPort } from 'node:worker_threads';
    const channel = new BroadcastChannel('gouache-test-foreign');
    parentPort.on('message', () => channel.postMessage('a message'));
    channel.postMessage('started');
    setTimeout(() => parentPort.postMessage('mine'), 500);`;
  const engine = await engineFor({ workerUrl: script(tells), threads: 2 });
  await works(engine);
  channel.close();
  expect(heard).toEqual(['started', 'started']);
});

test('what a shared worker says besides is dropped', async () => {
  const talks = workerAfter(`
    const port = globalThis.process.getBuiltinModule('node:worker_threads').parentPort;
    const sayings = [null, 'hello', 7, {}, { id: 1, error: 'x' }, { id: 2, reply: 3 }, { id: '1', reply: {} }, { failed: {} }];
    port.on('message', () => { for (const saying of sayings) port.postMessage(saying); });`);
  for (const threads of [1, 3]) {
    const engine = await engineFor({ workerUrl: talks, threads });
    expect(engine.info()).toMatchObject({ threads, host: 'worker' });
    expect(engine.info().hostReason).not.toContain(';');
    await works(engine);
  }
});

test('a worker that cannot say its answer rejects the call, and at once', async () => {
  const mute = workerAfter(`
    const port = globalThis.process.getBuiltinModule('node:worker_threads').parentPort;
    const post = port.postMessage.bind(port);
    port.postMessage = (message, transfer) => {
      // Two are Engine.create's.
      if (message.id > 2) throw new DOMException('it could not be cloned', 'DataCloneError');
      post(message, transfer);
    };`);
  const engine = await engineFor({ workerUrl: mute, threads: 1 });
  expect(engine.info().hostReason).not.toContain(';');
  const error = await engine.run((x) => x.relu(), Tensor.from([1], [1])).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'engine-crashed', message: expect.stringContaining('DataCloneError') });
});

test('a worker that ends while others still start is done without', async () => {
  // Of two in a row, one has an even id; only those of the pool say that they are ready.
  const ends = workerAfter(`
    const { parentPort, threadId } = globalThis.process.getBuiltinModule('node:worker_threads');
    const post = parentPort.postMessage.bind(parentPort);
    parentPort.postMessage = (message, transfer) => {
      if (!message.ready) return post(message, transfer);
      if (threadId % 2 === 0) { post(message, transfer); setTimeout(() => process.exit(7), 20); }
      else setTimeout(() => post(message, transfer), 1000);
    };`);
  const engine = await engineFor({ workerUrl: ends, threads: 3 });
  expect(engine.info()).toMatchObject({ host: 'worker', threads: 2 });
  expect(engine.info().threadsReason).toBe('1 of 3 threads did not start: exit code 7');
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
  ['a worker that is a URL', { worker: 'worker.js' as unknown as boolean }, 'argument'],
  ['an empty workerUrl', { workerUrl: '' }, 'argument'],
  ['onWarning that cannot be called', { onWarning: 'log' as unknown as () => void }, 'argument'],
  ['a wasm that is a number', { wasm: 3 as unknown as object }, 'argument'],
  ['a wasm file that is not there', { wasm: 'file:///nowhere/gouache.wasm' }, 'argument'],
  ['a Response that is not awaited', { wasm: Promise.resolve(new Response('')) }, 'argument'],
  ['a failed Response', { wasm: new Response('', { status: 404 }) }, 'argument'],
  ['bytes that are not wasm', { wasm: Uint8Array.of(1, 2, 3) }, 'unsupported'],
  ['someone else’s wasm', { wasm: foreign }, 'unsupported'],
  ['a build and a wasm', { wasm: foreign, build: 'simd128' }, 'argument'],
])('refuses %s', async (_, options, code) => {
  await expect(Engine.create(options)).rejects.toMatchObject({ code });
});

test('wasm that is not awaited is called a Promise', async () => {
  const creating = Engine.create({ wasm: readFile(new URL(wasmUrl)) });
  await expect(creating).rejects.toMatchObject({ got: 'a Promise', hint: expect.stringContaining('await') });
});

test('a damaged wasm file is not blamed on a policy', async () => {
  const refusal = await Engine.create({ wasm: Uint8Array.of(1, 2, 3) }).catch(
    (error: Error) => error.message,
  );
  expect(refusal).not.toContain('policy');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('in my callback');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('in my callback');
    },
  ],
])('what onWarning %s reaches the caller, and no worker stays', async (_, onWarning) => {
  const terminate = vi.spyOn(Worker.prototype, 'terminate');
  const creating = Engine.create({ workerUrl: 'file:///nowhere/worker.js', threads: 2, onWarning });
  await expect(creating).rejects.toThrow('in my callback');
  const started = new Set(terminate.mock.contexts as Worker[]);
  terminate.mockRestore();
  // Two that were not there, and two from the text.
  expect(started.size).toBe(4);
  expect([...started].map(({ threadId }) => threadId)).toEqual([-1, -1, -1, -1]);
});
