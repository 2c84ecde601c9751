/** Plans run by the raw exports of a build, without engine or host: words, weights and arena laid out here, weights filled with anything. */
import { readFile } from 'node:fs/promises';
import { Tensor } from 'gouache';
import { Conv2d, ConvTranspose2d, functional as F, type Module, Parameter, type Value } from 'gouache/nn';
import { type Compiled, compileGraph } from '../../dist/graph/compile.js';
import { separate } from '../../dist/graph/constants.js';
import { encode } from '../../dist/graph/encode.js';
import type { AnyNode } from '../../dist/graph/graph.js';
import { layOut } from '../../dist/graph/lay_out.js';
import { place } from '../../dist/graph/place.js';
import type { EncodedPlan, Slot } from '../../dist/graph/plan.js';
import { paintingOf } from '../../dist/image/paint.js';
import { traceModule } from '../../dist/nn/trace.js';
import type { Kernels } from '../../dist/ops/kernels.js';
import { HEADER } from '../../dist/ops/records.gen.js';
import { type FirstInstance, instantiate } from '../../dist/runtime/instance.js';
import { BUILDS, type Build } from '../builds.js';
import { random, size } from './array.js';
import { matrixProducts } from './raw_matmul.js';
import { encodedMoves } from './raw_moves.js';

export { BUILDS };

const PAGE_BYTES = 65536;
const FIRST_PAGES = 64;
const PAGES = 1024;

/** Bytes in front of the regions and behind the words that belong to nobody. */
const GUARD_BYTES = 1024;

/** The budget that is none. */
export const WHOLE = 0xffff_ffff;

export async function instanceOf(build: Build): Promise<FirstInstance> {
  const bytes = await readFile(new URL(`../../dist/wasm/${build}.wasm`, import.meta.url));
  return instantiate(await WebAssembly.compile(bytes), {
    initialPages: FIRST_PAGES,
    maximumPages: PAGES,
    shared: build.endsWith('-threads'),
    noMemoryHint: '',
  });
}

const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/** A plan's words in memory, with an arena and weights of its own that hold small random numbers. */
export class RawPlan {
  readonly words: Uint32Array;
  readonly #instance: FirstInstance;
  readonly address: number;
  /** Where the guard in front of everything begins. */
  readonly guard: number;
  readonly #floats: Float32Array;
  readonly #bases: readonly (readonly [word: number, value: number])[];
  readonly #encoded: EncodedPlan;

  constructor(instance: FirstInstance, encoded: EncodedPlan, weightBytes: readonly number[]) {
    const { memory, exports, shared } = instance;
    // What a threads build keeps behind heap_base ends with the first pages.
    this.guard = shared ? FIRST_PAGES * PAGE_BYTES : aligned(exports.heap_base());
    const weights = this.guard + GUARD_BYTES;
    const offsets: number[] = [];
    let end = weights;
    for (const bytes of weightBytes) {
      offsets.push(end - weights);
      end += aligned(bytes);
    }
    const arena = end;
    this.address = arena + aligned(encoded.arena_bytes);
    end = this.address + encoded.words.byteLength + GUARD_BYTES;
    const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) memory.grow(missing);
    this.#instance = instance;
    this.#encoded = encoded;
    this.words = new Uint32Array(memory.buffer, this.address, encoded.words.length);
    this.#floats = new Float32Array(memory.buffer, weights, (this.address - weights) / 4);
    this.#bases = [
      [HEADER.arenaBase, arena],
      [HEADER.arenaBlocks, (this.address - arena) / 16],
      [HEADER.weightsBase, weights],
      [HEADER.weightsBlocks, (arena - weights) / 16],
    ];
    const patched = Uint32Array.from(encoded.words);
    for (const { word, weight } of encoded.relocations) {
      patched[word] = (patched[word] ?? 0) + (offsets[weight] ?? 0) / 16;
    }
    this.#encoded = { ...encoded, words: patched };
    this.reset();
  }

  /** The words as they were encoded, and the same random numbers in weights and arena, unless they may be what earlier runs left. */
  reset({ numbers = true }: { readonly numbers?: boolean } = {}): void {
    this.words.set(this.#encoded.words);
    this.setBases();
    if (!numbers) return;
    const next = random(7);
    for (let i = 0; i < this.#floats.length; i++) this.#floats[i] = next() - 0.5;
  }

  /** Where the regions are is the host's to say. */
  setBases(): void {
    for (const [word, value] of this.#bases) this.words[word] = value;
  }

  /** Everything from `guard` on: guards, weights, arena, words. */
  get memory(): Uint8Array {
    const { buffer } = this.#instance.memory;
    const end = this.words.byteOffset + this.words.byteLength + GUARD_BYTES;
    return new Uint8Array(buffer, this.guard, end - this.guard);
  }

  /** Has every worker end before its next tile. */
  abort(): void {
    this.words[HEADER.abort] = 1;
  }

  load(): number {
    return this.#instance.exports.plan_load(this.address, this.words.length);
  }

  start(workers = 1): number {
    return this.#instance.exports.plan_start(this.address, this.words.length, workers);
  }

  run(tile_budget: number): number {
    return this.#instance.exports.plan_run(this.address, this.words.length, tile_budget, 0);
  }

  /** The floats that lie there, as they are now. */
  floats({ offset_bytes, bytes }: Slot): Float32Array {
    const arena = this.words[HEADER.arenaBase] ?? 0;
    return new Float32Array(
      this.#instance.memory.buffer.slice(arena + offset_bytes, arena + offset_bytes + bytes),
    );
  }

  /** The bytes of all outputs, one after the other. */
  outputs(): Uint8Array {
    const arena = this.words[HEADER.arenaBase] ?? 0;
    const { buffer } = this.#instance.memory;
    const parts = this.#encoded.outputs.map(
      ({ offset_bytes, bytes }) => new Uint8Array(buffer, arena + offset_bytes, bytes),
    );
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }
}

const filled = (shape: readonly number[]): Parameter =>
  new Parameter({ bytes: new Uint8Array(4), dtype: 'F32', shape, strides: shape.map(() => 0) });

/** A graph with every op but pixels. */
function everything(x: Value): Value {
  const weight = filled([9, 5, 3, 3]);
  const up = filled([9, 5, 3, 3]);
  const bias = filled([9]);
  const own = F.conv2d(x, filled([5, 1, 3, 3]), { groups: 5, padding: 1 });
  const a = F.relu(F.conv2d(F.pad(own, [1, 1, 1, 1], { mode: 'reflect' }), weight, { bias }));
  const b = F.instanceNorm(a, { weight: bias, bias }).add(a);
  const c = F.tanh(F.convTranspose2d(b, up, { stride: 2, padding: 1, outputPadding: 1 }));
  const d = F.pad(c, [2, -1, 0, 3], { mode: 'replicate' });
  const e = F.batchNorm(d, filled([5]), filled([5]));
  const centred = e.sub(e.mean([2, 3], { keepdim: true })).div(e.var([1], { keepdim: true }).add(0.1).sqrt());
  return F.groupNorm(centred.view(2, 5, 23, 29), 1).mul(filled([5, 1, 1]));
}

/** Normalisations that convolutions of every kind apply and take the moments of. */
function normalized(x: Value): Value {
  const a = F.relu(F.instanceNorm(F.conv2d(x, filled([9, 5, 3, 3])), { weight: filled([9]) }));
  const b = F.relu(F.groupNorm(F.convTranspose2d(a, filled([9, 34, 3, 3]), { stride: 2 }), 2));
  const wide = F.instanceNorm(F.conv2d(b, filled([32, 34, 3, 3]), { padding: 1 }));
  const own = F.instanceNorm(F.conv2d(wide, filled([32, 1, 3, 3]), { groups: 32, padding: 1 }));
  const c = F.instanceNorm(F.conv2d(own, filled([32, 8, 3, 3]), { groups: 4, padding: 1 }));
  const d = F.batchNorm(F.convTranspose2d(c, filled([32, 6, 2, 2])), filled([6]), filled([6]));
  return F.instanceNorm(F.conv2d(d, filled([3, 6, 3, 3]), { padding: 1 })).tanh();
}

/** Programs with operands of every kind behind convolutions, a matrix product and an instance norm of whole planes. */
function passing(x: Value): Value {
  const channels = filled([9, 1, 1]);
  const conv = (y: Value, shape: readonly number[], groups = 1): Value =>
    F.conv2d(y, filled(shape), { padding: 1, groups });
  const a = F.prelu(conv(x, [9, 5, 3, 3]), filled([9]))
    .add(x.mean([1], { keepdim: true }))
    .mul(channels);
  const b = conv(a, [9, 1, 3, 3], 9)
    .sigmoid()
    .add(a)
    .maximum(filled([1]));
  const c = F.convTranspose2d(b, filled([9, 16, 1, 1]))
    .tanh()
    .mul(filled([16, 1, 1]));
  const whole = F.instanceNorm(F.cat([x, x, x, x], 1))
    .relu()
    .mul(filled([20, 1, 1]))
    .slice(1, 0, 16);
  const d = F.instanceNorm(c).relu().add(whole);
  const e = F.instanceNorm(conv(d, [16, 4, 3, 3], 4))
    .mul(d.mean([2, 3], { keepdim: true }))
    .relu();
  const rows = conv(e, [5, 16, 3, 3]).view(2, 5, -1);
  return rows
    .matmul(filled([143, 70]))
    .add(filled([70]))
    .mul(filled([2, 1, 1]))
    .relu()
    .view(2, 5, 7, 10);
}

/** A layer whose weights are there, whatever they are. */
function loaded<T extends Conv2d | ConvTranspose2d>(layer: T): T {
  const zeros = (shape: readonly number[]): Tensor => Tensor.from(new Float32Array(size(shape)), shape);
  const { weight, bias } = layer;
  layer.loadStateDict({ weight: zeros(weight.shape), bias: zeros(bias?.shape ?? []) });
  return layer;
}

const modelOf = (network: Module) => ({
  network,
  pictures: { input: { range: [-1, 1] }, output: { range: [0, 1] } } as const,
});

/** The plan of a network that has too many transformed weights to keep them. */
function transformedAnew(
  { stages }: Compiled,
  workers: number,
): {
  readonly encoded: EncodedPlan;
  readonly weightBytes: number[];
} {
  const { graph } = stages.chosen;
  const nodes = graph.nodes.map(
    (node): AnyNode<Kernels> =>
      node.op === 'conv_winograd'
        ? { ...node, attributes: { ...node.attributes, weights: 'transformed in each run' } }
        : node,
  );
  const laidOut = layOut({ ...graph, nodes });
  const { running, constants } = separate(laidOut);
  const numbers = new Map(constants.map(({ value }, index) => [value, index]));
  const placement = place(running, { workers, constants: numbers });
  const { plan, weights } = encode(placement, { laidOut, constants });
  return { encoded: plan, weightBytes: weights.map(({ bytes }) => bytes) };
}

/** Encoded plans that hold, together, every record, for so many workers; with the bytes of the weights that each refers to. */
export function encodedPlans(workers = 1): {
  readonly name: string;
  readonly encoded: EncodedPlan;
  readonly weightBytes: number[];
}[] {
  const shape = [2, 5, 13, 11];
  const compiled: [string, Compiled][] = [true, false].map((fuse) => [
    `every op, fuse ${fuse}`,
    compileGraph(traceModule(everything, [{ shape, dtype: 'float32' }]).graph, { fuse, workers }),
  ]);
  compiled.push([
    'normalised convolutions',
    compileGraph(traceModule(normalized, [{ shape, dtype: 'float32' }]).graph, { workers }),
  ]);
  compiled.push([
    'programs',
    compileGraph(traceModule(passing, [{ shape, dtype: 'float32' }]).graph, { workers }),
  ]);
  const picture = { width: 9, height: 7, channels: 4 } as const;
  compiled.push([
    'paint',
    compileGraph(paintingOf(modelOf(loaded(new Conv2d(3, 3, 3, { padding: 1 })))).trace(picture).graph, {
      workers,
    }),
  ]);
  compiled.push([
    'paint of luma, enlarged',
    compileGraph(
      paintingOf({
        network: loaded(new ConvTranspose2d(1, 1, 2, { stride: 2 })),
        pictures: { input: { channelOrder: 'luma', sides: {} } },
      }).trace(picture).graph,
      { workers },
    ),
  ]);
  for (const [name, layer] of [
    ['winograd', new Conv2d(64, 32, 3, { padding: 1 })],
    ['winograd in blocks', new Conv2d(64, 3, 9, { padding: 4 })],
    ['winograd of stride 2', new Conv2d(64, 64, 3, { stride: 2, padding: 1 })],
    ['winograd, transposed', new ConvTranspose2d(64, 32, 3, { stride: 2, padding: 1 })],
    ['winograd of few channels in blocks', new Conv2d(3, 64, 7, { padding: 3 })],
  ] as const) {
    const channels = layer.weight.shape[layer instanceof Conv2d ? 1 : 0] ?? 0;
    const input = { shape: [1, channels, 32, 31], dtype: 'float32' } as const;
    const plan = compileGraph(traceModule(loaded(layer), [input]).graph, { workers });
    if (!plan.stages.chosen.choices.every(({ algorithm }) => algorithm !== 'direct'))
      throw new Error(`${name}: computed directly`);
    compiled.push([name, plan]);
  }
  const [, kept] = compiled.find(([name]) => name === 'winograd') ?? [];
  if (kept === undefined) throw new Error('no plan of winograd');
  const anew = transformedAnew(kept, workers);
  const prepared = (
    [
      [loaded(new Conv2d(5, 9, 3)), 5],
      [loaded(new Conv2d(16, 24, 3, { groups: 4 })), 16],
      [loaded(new ConvTranspose2d(6, 9, 4, { stride: 2, groups: 3, dilation: 2 })), 6],
      // Of weights with strides of their own.
      [(x: Value) => F.conv2d(x, filled([9, 5, 3, 3])), 5],
    ] as const
  ).flatMap(([layer, channels]) =>
    compileGraph(traceModule(layer, [{ shape: [2, channels, 13, 11], dtype: 'float32' }]).graph).weights.map(
      (weight) => ({
        name: `prepare ${weight.key.split('|')[0]}`,
        encoded: weight.encode().prepare,
        weightBytes: [weight.bytes],
      }),
    ),
  );
  return [
    ...compiled.map(([name, { encoded, weights }]) => ({
      name,
      encoded,
      weightBytes: weights.map((w) => w.bytes),
    })),
    { name: 'winograd, weights transformed in each run', ...anew },
    ...[true, false].map((transposed) => ({
      name: `matrix products, transposed ${transposed}`,
      encoded: matrixProducts({ batch: 2, m: 13, k: 10, n: 21, gap: 3, transposed, workers }).encoded,
      weightBytes: [],
    })),
    { name: 'moves', encoded: encodedMoves(workers), weightBytes: [] },
    ...kept.weights.map((weight) => ({
      name: `prepare ${weight.key.split('|')[0]}`,
      encoded: weight.encode().prepare,
      weightBytes: [weight.bytes],
    })),
    ...prepared,
  ];
}
