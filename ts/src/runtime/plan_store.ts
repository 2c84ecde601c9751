/**
 * The plans that the host holds, as the façade knows them: found by their job's key, dropped when their parameters change, evicted least
 * recently used first. Packed weights are shared by all plans that use the same form of the same version. Used by one call at a time.
 */
import { OutOfMemoryError } from '../errors.js';
import {
  type Compiled,
  type CompiledOutput,
  compileGraph,
  type PackedWeight,
  placeGraph,
  type WeightValues,
} from '../graph/compile.js';
import type { OutputStructure } from '../graph/trace.js';
import type { HostClient } from './client.js';
import type { Job } from './job.js';
import { fixedBytes, outOfMemory } from './out_of_memory.js';
import type { InitReply, MemoryReply, WeightUpload } from './protocol.js';
import { type AbortSignalLike, throwIfAborted } from './signal.js';

/** Bytes that unpinned plans may keep, with the weights that they hold and what JavaScript keeps for them. */
const CACHE_BYTES = 256 * 2 ** 20;
/** Stored bytes that go to the host in one message: what lies in memory twice. A larger weight goes alone. */
const BATCH_BYTES = 2 * 2 ** 20;

/** A plan that the host has loaded. */
export interface StoredPlan {
  readonly id: number;
  readonly key: string;
  readonly rows: Compiled['encoded']['rows'];
  readonly outputs: readonly CompiledOutput[];
  readonly structure: OutputStructure;
  explain(): string;
}

interface Entry extends StoredPlan {
  /** What the packed weights were made of. */
  readonly values: WeightValues;
  readonly weights: readonly string[];
  /** Words in the host, and the key and rows here. */
  readonly ownBytes: number;
}

interface HostWeight {
  readonly id: number;
  readonly bytes: number;
  references: number;
}

export interface AcquireOptions {
  readonly signal?: AbortSignalLike | undefined;
  /** Of a compile: packed weights done, and in all, plus one step for the rest. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Plans and weights by key, and the requests that keep the host in step. */
export class PlanStore {
  readonly #client: HostClient;
  /** Bytes that the memory may grow to. */
  readonly limit_bytes: number;
  /** Workers that plans have room for. */
  readonly workers: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #weights = new Map<string, HostWeight>();
  readonly #pins = new Map<string, number>();
  #lastPlan = 0;
  #lastWeight = 0;
  #memory: MemoryReply;

  constructor(client: HostClient, { maximumBytes, memoryBytes, allocatedBytes, arenaBytes }: InitReply) {
    this.#client = client;
    this.limit_bytes = maximumBytes;
    this.workers = client.workers;
    this.#memory = { memoryBytes, allocatedBytes, arenaBytes };
  }

  /** The host's memory as of its last answer. */
  get memory(): MemoryReply {
    return this.#memory;
  }

  /** Keeps the job's plan from eviction until {@link unpin}; a second pin needs a second unpin. */
  pin(job: Job): void {
    this.#pins.set(job.key, (this.#pins.get(job.key) ?? 0) + 1);
  }

  /** Takes one pin off. The plan stays cached like any other, or goes when the cache is full. */
  async unpin(job: Job): Promise<void> {
    const pins = (this.#pins.get(job.key) ?? 0) - 1;
    if (pins > 0) {
      this.#pins.set(job.key, pins);
      return;
    }
    this.#pins.delete(job.key);
    await this.#evict();
  }

  /**
   * The job's plan, loaded with the job's values of its parameters; compiled only if it is not there.
   * @throws {@link OutOfMemoryError} before anything is allocated, when it cannot fit the memory
   * @throws {@link StateDictError} when a parameter has no values
   */
  async acquire(job: Job, options: AcquireOptions): Promise<StoredPlan> {
    await this.#dropStale(job.values);
    const known = this.#entries.get(job.key);
    if (known !== undefined) {
      this.#entries.delete(job.key);
      this.#entries.set(job.key, known);
      return known;
    }
    this.#refuseTooLarge(job);
    const compiled = compileGraph(job.graph, { ...job.options, workers: this.workers }, job.values);
    const entry = await this.#load(job, compiled, options);
    await this.#evict();
    return entry;
  }

  /** Asks the placement alone, so that a plan that cannot fit is never written. */
  #refuseTooLarge(job: Job): void {
    const { arena_bytes } = placeGraph(job.graph, { ...job.options, workers: this.workers });
    const fixed_bytes = fixedBytes(job, this.workers);
    if (arena_bytes + fixed_bytes > this.limit_bytes) {
      throw outOfMemory({
        job,
        wanted_bytes: arena_bytes + fixed_bytes,
        limit_bytes: this.limit_bytes,
        fixed_bytes,
        workers: this.workers,
      });
    }
  }

  async #load(job: Job, compiled: Compiled, options: AcquireOptions): Promise<Entry> {
    try {
      return await this.#send(job, compiled, options);
    } catch (error) {
      // The memory is full or in pieces: give up what only the cache holds, once.
      if (!(error instanceof OutOfMemoryError)) throw error;
    }
    await this.#evict(0);
    try {
      return await this.#send(job, compiled, options);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      const fixed_bytes = fixedBytes(job, this.workers);
      const free_bytes = this.limit_bytes - this.#memory.allocatedBytes;
      throw outOfMemory({
        job,
        wanted_bytes: compiled.encoded.arena_bytes + fixed_bytes,
        limit_bytes: free_bytes,
        fixed_bytes,
        workers: this.workers,
      });
    }
  }

  async #send(job: Job, compiled: Compiled, options: AcquireOptions): Promise<Entry> {
    const { encoded } = compiled;
    const fresh = new Map<string, HostWeight>();
    const packed: PackedWeight[] = [];
    for (const weight of compiled.weights) {
      if (this.#weights.has(weight.key) || fresh.has(weight.key)) continue;
      const host = { id: ++this.#lastWeight, bytes: weight.bytes, references: 0 };
      fresh.set(weight.key, host);
      packed.push(weight);
    }
    const weights = compiled.weights.map(({ key }) => key);
    const ids = weights.map((key) => (this.#weights.get(key) ?? fresh.get(key))?.id ?? 0);
    const plan = ++this.#lastPlan;
    const { signal, onProgress } = options;
    const total = packed.length + 1;
    onProgress?.(0, total);
    try {
      let before = 0;
      for (const uploads of batches(packed, (key) => fresh.get(key)?.id ?? 0)) {
        // An abort between two requests is nobody's but ours to see.
        throwIfAborted(signal);
        const first = before;
        await this.#client.request(
          { type: 'pack', plan, uploads },
          {
            signal,
            onProgress: (done) => onProgress?.(first + done, total),
            transfer: [...new Set(uploads.flatMap(({ raw }) => raw.map(({ buffer }) => buffer)))],
          },
        );
        before += uploads.length;
      }
      throwIfAborted(signal);
      this.#memory = await this.#client.request({ type: 'compile', plan, encoded, weights: ids }, { signal });
    } catch (error) {
      // Of a failure between two requests the host knows nothing, and would keep what it has packed.
      if (this.#client.alive) this.#memory = await this.#client.request({ type: 'free', plan });
      throw error;
    }
    onProgress?.(total, total);
    for (const [key, host] of fresh) this.#weights.set(key, host);
    for (const key of weights) this.#count(key, 1);
    const ownBytes = encoded.words.byteLength + 2 * job.key.length + 200 * encoded.rows.length;
    const entry: Entry = {
      id: plan,
      key: job.key,
      rows: encoded.rows,
      outputs: compiled.outputs,
      structure: job.structure,
      explain: () => compiled.explain(),
      values: job.values,
      weights,
      ownBytes,
    };
    this.#entries.set(job.key, entry);
    return entry;
  }

  #count(key: string, change: 1 | -1): void {
    const weight = this.#weights.get(key);
    if (weight === undefined) return;
    weight.references += change;
    if (weight.references === 0) this.#weights.delete(key);
  }

  /** Frees every plan of other values than `wanted` or those of now, so that old and new weights never lie in memory together. */
  async #dropStale(wanted: WeightValues): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      const stale = [...entry.values].some(
        ([parameter, values]) => values !== (wanted.get(parameter) ?? parameter.values),
      );
      if (stale) await this.#drop(entry);
    }
  }

  /** Frees unpinned plans, least recently used first, until they and the weights they hold take at most `limit_bytes`. */
  async #evict(limit_bytes = CACHE_BYTES): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      if (this.#cachedBytes() <= limit_bytes) return;
      if (!this.#pins.has(entry.key)) await this.#drop(entry);
    }
  }

  #cachedBytes(): number {
    const keys = new Set<string>();
    let bytes = 0;
    for (const entry of this.#entries.values()) {
      if (this.#pins.has(entry.key)) continue;
      bytes += entry.ownBytes;
      for (const key of entry.weights) keys.add(key);
    }
    for (const key of keys) bytes += this.#weights.get(key)?.bytes ?? 0;
    return bytes;
  }

  async #drop(entry: Entry): Promise<void> {
    this.#entries.delete(entry.key);
    for (const key of entry.weights) this.#count(key, -1);
    this.#memory = await this.#client.request({ type: 'free', plan: entry.id });
  }
}

/** An upload whose bytes are still the parameters' own. */
interface Encoded extends Omit<WeightUpload, 'raw'> {
  readonly raw: readonly Uint8Array[];
}

const bytesOf = ({ raw }: Encoded): number => raw.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** The weights in order, at most {@link BATCH_BYTES} of stored bytes together; a batch is copied when it is asked for. */
function* batches(
  weights: readonly PackedWeight[],
  idOf: (key: string) => number,
): Generator<readonly WeightUpload[]> {
  let batch: Encoded[] = [];
  let bytes = 0;
  for (const weight of weights) {
    const upload = { id: idOf(weight.key), bytes: weight.bytes, ...weight.encode() };
    if (batch.length > 0 && bytes + bytesOf(upload) > BATCH_BYTES) {
      yield copied(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(upload);
    bytes += bytesOf(upload);
  }
  if (batch.length > 0) yield copied(batch);
}

/** The same over one copy of the bytes, to be moved: a message that only shows bytes carries all of the file that they lie in. */
function copied(batch: readonly Encoded[]): readonly WeightUpload[] {
  const bytes = new Uint8Array(batch.reduce((sum, upload) => sum + bytesOf(upload), 0));
  let end = 0;
  const copy = (raw: Uint8Array): Uint8Array<ArrayBuffer> => {
    const start = end;
    end += raw.byteLength;
    bytes.set(raw, start);
    return bytes.subarray(start, end);
  };
  return batch.map((upload) => ({ ...upload, raw: upload.raw.map(copy) }));
}
