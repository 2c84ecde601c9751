// A smoke test of the two threads builds, which no engine uses yet: two worker threads walk one plan over one shared memory, and leave
// the same bits as one thread and as the single-thread build.
//
// The public API can neither start these builds nor show a plan's words, so the plan is written by hand here, with the record writers of
// the built package's own file, which it does not export.
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  normalize,
  PLAN_MAGIC,
  PLAN_VERSION,
  partialMoments,
  REGION_ARENA,
  STATUS_DONE,
  statistics,
  unary,
} from '../dist/graph/records.gen.js';

const PAGE_BYTES = 65536;
const STACK_BYTES = 65536;
const WORKERS = 2;

// A tensor whose 957 pixels are no multiple of a tile's: 15 tiles a block of channels, so that both threads find some.
const [N, C, H, W] = [2, 7, 33, 29];
const BLOCKS = Math.ceil(C / 4);
const CHUNK_PX = 64;
const ELEMS = N * BLOCKS * H * W * 4;

/** The arena: x, y, then what `statistics` needs (partials, constants), more than it asks for. */
const X_BYTES = 0;
const Y_BYTES = Math.ceil((ELEMS * 4) / 16) * 16;
const PARTIALS_BYTES = 2 * Y_BYTES;
const CONSTANTS_BYTES = PARTIALS_BYTES + 65536;
const ARENA_BYTES = CONSTANTS_BYTES + 4096;

const inArena = (offset_bytes: number) => ((REGION_ARENA << 30) | (offset_bytes / 16)) >>> 0;

/** partial_moments, statistics, normalize and Tanh in place: tiles that are merged in order, and barriers between records that need each other. */
function planWords(): Uint32Array {
  const size = { n: N, c: C, h: H, w: W, chunkPx: CHUNK_PX };
  const [x, y, constants] = [inArena(X_BYTES), inArena(Y_BYTES), inArena(CONSTANTS_BYTES)];
  const partials = inArena(PARTIALS_BYTES);
  const records = [
    partialMoments({ ...size, x, partials }),
    statistics({
      partials,
      gamma: 0,
      beta: 0,
      constants,
      n: N,
      c: C,
      parts: Math.ceil((H * W) / CHUNK_PX),
      groups: C,
      acrossBatch: 0,
      eps: 1e-5,
    }),
    normalize({ ...size, x, y, constants, residual: 0, constantsN: N, activation: 1 }),
    unary({ x: y, y, vectors: ELEMS / 4, kind: 1, value: 0, tileVectors: 50 }),
  ];
  const directory = HEADER_WORDS + records.length * ENTRY_WORDS;
  const words = new Uint32Array(directory + records.reduce((sum, record) => sum + record.length, 0));
  words[HEADER.magic] = PLAN_MAGIC;
  words[HEADER.version] = PLAN_VERSION;
  words[HEADER.records] = records.length;
  words[HEADER.workers] = WORKERS;
  let at = directory;
  for (const [i, record] of records.entries()) {
    words[HEADER_WORDS + i * ENTRY_WORDS] = at;
    words.set(record, at);
    at += record.length;
  }
  return words;
}

/** Values that make rounding show, and NaN in the lanes past C. */
function inputValues(): Float32Array {
  return Float32Array.from({ length: ELEMS }, (_, i) => {
    const block = Math.floor(i / (H * W * 4)) % BLOCKS;
    return block * 4 + (i % 4) < C ? 100 + Math.sin(i * 0.37) * (1 + (i % 13)) : Number.NaN;
  });
}

interface Exports {
  plan_load(plan: number, words: number): number;
  plan_start(plan: number, words: number, workers: number): number;
  plan_run(plan: number, words: number, tiles: number, worker: number): number;
  __wbindgen_start(stack_bytes?: number): void;
}

interface Build {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The module and field under which it imports the memory. */
  readonly field: readonly [string, string];
  readonly exports: Exports;
}

/** The build's module over a memory of its own, with a first instance on this thread. */
async function load(name: string): Promise<Build> {
  const { initialPages, maximumPages, shared } = await import(`../dist/wasm/${name}.js`);
  expect(shared).toBe(name.endsWith('-threads'));
  const bytes = fs.readFileSync(new URL(`../dist/wasm/${name}.wasm`, import.meta.url));
  const module = await WebAssembly.compile(bytes);
  const imports = WebAssembly.Module.imports(module);
  expect(imports.map(({ kind }) => kind)).toEqual(['memory']);
  const field = [imports[0]?.module ?? '', imports[0]?.name ?? ''] as const;
  const memory = new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages, shared });
  const instance = await WebAssembly.instantiate(module, { [field[0]]: { [field[1]]: memory } });
  const exports = instance.exports as unknown as Exports;
  if (shared) exports.__wbindgen_start(STACK_BYTES);
  return { module, memory, field, exports };
}

/** Puts plan and input behind everything that is in the memory so far; returns the plan's address and the arena's. */
function lay({ memory }: Build): { plan: number; words: number; arena: number } {
  const words = planWords();
  const plan = memory.grow(1 + Math.ceil((words.byteLength + ARENA_BYTES) / PAGE_BYTES)) * PAGE_BYTES;
  const arena = plan + PAGE_BYTES;
  words[HEADER.arenaBase] = arena;
  words[HEADER.arenaBlocks] = ARENA_BYTES / 16;
  expect(words.byteLength).toBeLessThan(PAGE_BYTES);
  new Uint32Array(memory.buffer, plan, words.length).set(words);
  new Float32Array(memory.buffer, arena + X_BYTES, ELEMS).set(inputValues());
  return { plan, words: words.length, arena };
}

/** y's bits, without the lanes past C. */
function outputBits({ memory }: Build, arena: number): number[] {
  const bits = Array.from(new Uint32Array(memory.buffer, arena + Y_BYTES, ELEMS));
  return bits.filter((_, i) => (Math.floor(i / (H * W * 4)) % BLOCKS) * 4 + (i % 4) < C);
}

/** Runs the plan on this thread, alone. */
async function alone(name: string): Promise<number[]> {
  const build = await load(name);
  const { plan, words, arena } = lay(build);
  const { exports } = build;
  expect(exports.plan_load(plan, words)).toBe(STATUS_DONE);
  expect(exports.plan_start(plan, words, 1)).toBe(STATUS_DONE);
  expect(exports.plan_run(plan, words, 0xffffffff, 0)).toBe(STATUS_DONE);
  return outputBits(build, arena);
}

/** What each thread does: its own instance, with a stack and thread-local storage; then the whole plan as worker `index`. */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { module, memory, field, stackBytes, index } = workerData;
  const { exports } = new WebAssembly.Instance(module, { [field[0]]: { [field[1]]: memory } });
  exports.__wbindgen_start(stackBytes);
  parentPort.once('message', ({ plan, words }) => parentPort.postMessage(exports.plan_run(plan, words, 0xffffffff, index)));
  parentPort.postMessage('ready');
`;

const nextMessage = (worker: Worker) =>
  new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });

/** Runs the plan on two worker threads. */
async function together(name: string): Promise<number[]> {
  const build = await load(name);
  const { module, memory, field, exports } = build;
  const threads = Array.from({ length: WORKERS }, (_, index) => {
    const workerData = { module, memory, field, stackBytes: STACK_BYTES, index };
    return new Worker(THREAD, { eval: true, workerData });
  });
  try {
    expect(await Promise.all(threads.map(nextMessage))).toEqual(['ready', 'ready']);
    const { plan, words, arena } = lay(build);
    expect(exports.plan_load(plan, words)).toBe(STATUS_DONE);
    expect(exports.plan_start(plan, words, WORKERS)).toBe(STATUS_DONE);
    const statuses = Promise.all(threads.map(nextMessage));
    for (const thread of threads) thread.postMessage({ plan, words });
    expect(await statuses).toEqual([STATUS_DONE, STATUS_DONE]);
    // Both went through a barrier after every record: it opens only for as many as were announced.
    const header = new Uint32Array(memory.buffer, plan, HEADER_WORDS);
    expect(header[HEADER.activeWorkers]).toBe(WORKERS);
    expect(header[HEADER.generation]).toBe(header[HEADER.records]);
    expect(header[HEADER.tilesDone]).toBe(header[HEADER.tilesTotal]);
    return outputBits(build, arena);
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

test.each(['simd128', 'relaxed-simd'])('%s-threads: two threads leave the bits of one', async (name) => {
  const single = await alone(name);
  // Normalised to mean 0, so about half of the values are above it, and ReLU and Tanh keep those.
  expect(single.filter((bits) => bits !== 0).length).toBeGreaterThan(single.length / 4);
  expect(await alone(`${name}-threads`)).toEqual(single);
  expect(await together(`${name}-threads`)).toEqual(single);
});
