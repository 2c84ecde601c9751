/**
 * The plans that the host holds, as the façade knows them: found by their job's key, dropped when their parameters change, evicted least
 * recently used first. Packed weights are shared by all plans that use the same form of the same version. Used by one call at a time.
 */
import { OutOfMemoryError } from '../errors.js';
import type { Compiled, PackedWeight } from '../graph/compile.js';
import { isInterned } from '../graph/interned.js';
import type { Parameter } from '../graph/parameter.js';
import type { HostClient } from './client.js';
import type { Job } from './job.js';
import { compileWithin, type Excess, excessOf, outOfMemory, type Room } from './out_of_memory.js';
import { type CachedPlan, type CacheLimits, type HostWeight, PlanCache } from './plan_cache.js';
import type { HeapReply, MemoryReply, WeightUpload } from './protocol.js';
import { type AbortSignalLike, throwIfAborted } from './signal.js';

/** What plans may keep that nothing but the cache holds. */
const CACHE: CacheLimits = { wasmBytes: 256 * 2 ** 20, heapBytes: 8 * 2 ** 20 };
const NOTHING: CacheLimits = { wasmBytes: 0, heapBytes: 0 };
/** Stored bytes that go to the host in one message: what lies in memory twice. A larger weight goes alone. */
const BATCH_BYTES = 2 * 2 ** 20;

/** As many sizes as calls take turns with, as a rule. */
const MOST_SIZES = 8;

export interface AcquireOptions {
  readonly signal?: AbortSignalLike | undefined;
  /** Of a compile: packed weights done, and in all, plus one step for the rest. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Plans and weights by key, and the requests that keep the host in step. */
export class PlanStore {
  readonly #client: HostClient;
  /** The host's memory without a plan. */
  readonly #empty: Room;
  readonly #cache = new PlanCache();
  /** What came of compiling a job to know whether it fits, until its turn comes. */
  readonly #compiled = new WeakMap<Job, Compiled | Excess>();
  /** Keys of the last jobs that fitted: calls of a few sizes may wait in numbers, and one of each size is compiled. */
  readonly #fitting: string[] = [];
  /** Numbers made while tracing live as long as a plan that uses them: the next trace makes them anew, and finds the plan by these. */
  readonly #interned = new WeakMap<CachedPlan, readonly Parameter[]>();
  #lastPlan = 0;
  #lastWeight = 0;
  #memory: MemoryReply;

  private constructor(client: HostClient, heap: HeapReply) {
    this.#client = client;
    const { memoryBytes, allocatedBytes, arenaBytes } = heap;
    this.#memory = { memoryBytes, allocatedBytes, arenaBytes };
    this.#empty = {
      heap,
      limit_bytes: heap.maximumBytes,
      refused: false,
      workers: client.workers,
      holds: () => false,
    };
  }

  /** The store of a host that has no plans yet, and whose workers have started: each has grown the memory for its stack. */
  static async over(client: HostClient): Promise<PlanStore> {
    return new PlanStore(client, await client.request({ type: 'heap' }));
  }

  /** Workers that plans have room for. */
  get workers(): number {
    return this.#empty.workers;
  }

  /** The host's memory as of its last answer. */
  get memory(): MemoryReply {
    return this.#memory;
  }

  /** Keeps the job's plan from eviction until {@link unpin}; a second pin needs a second unpin. */
  pin(job: Job): void {
    this.#cache.pin(job.key);
  }

  /** Takes one pin off. The plan stays cached like any other, or goes when the cache is full. */
  async unpin(job: Job): Promise<void> {
    this.#cache.unpin(job.key);
    await this.#free(this.#cache.takeExcess(CACHE));
  }

  /** Takes one pin off that nobody has got to know of, and frees the plan if it was the last. */
  async discard(job: Job): Promise<void> {
    this.#cache.unpin(job.key);
    await this.#free(this.#cache.takeIdle(job.key));
  }

  /**
   * The host's id of the job's plan, loaded with the job's values of its parameters; compiled only if it is not there. It is not evicted
   * before another one is asked for.
   * @throws {@link OutOfMemoryError} before anything is allocated, when it cannot fit the memory
   * @throws {@link StateDictError} when a parameter has no values
   */
  async acquire(job: Job, options: AcquireOptions): Promise<number> {
    // Before anything is loaded, so that old and new weights never lie in memory together.
    await this.#free(this.#cache.takeStale(job.values));
    const known = this.#cache.find(job.key);
    this.#cache.use(known);
    if (known !== null) return known.id;
    const compiled = this.#compiled.get(job) ?? compileWithin(this.#empty, job);
    this.#compiled.delete(job);
    if (!('encoded' in compiled)) throw await this.#refusal(job, compiled);
    const id = await this.#load(job, compiled, options);
    // Only a load makes room: calls that take turns with a plan larger than the cache do not pack it at every turn.
    await this.#free(this.#cache.takeExcess(CACHE));
    return id;
  }

  /**
   * Whether {@link acquire} has the job's plan or will compile it; else it is going to refuse it.
   * @throws {@link StateDictError} when a parameter has no values
   */
  fits(job: Job): boolean {
    if (this.#cache.find(job.key) !== null || this.#fitting.includes(job.key)) return true;
    const compiled = compileWithin(this.#empty, job);
    this.#compiled.set(job, compiled);
    if (!('encoded' in compiled)) return false;
    if (this.#fitting.push(job.key) > MOST_SIZES) this.#fitting.shift();
    return true;
  }

  async #refusal(job: Job, excess: Excess): Promise<OutOfMemoryError> {
    if (!this.#cache.pinned) return outOfMemory(this.#empty, job, excess);
    // What sessions hold does not go: the side that is promised has to fit beside it.
    await this.#free(this.#cache.takeExcess(NOTHING));
    return outOfMemory(await this.#room(), job, excess);
  }

  /** The memory as it is. */
  async #room(): Promise<Room> {
    const heap = await this.#client.request({ type: 'heap' });
    return { ...this.#empty, heap, holds: (key) => this.#cache.weight(key) !== undefined };
  }

  async #load(job: Job, compiled: Compiled, options: AcquireOptions): Promise<number> {
    try {
      return await this.#send(job, compiled, options);
    } catch (error) {
      // The memory is full or in pieces: give up what only the cache holds, once.
      if (!(error instanceof OutOfMemoryError)) throw error;
    }
    await this.#free(this.#cache.takeExcess(NOTHING));
    const room = await this.#room();
    const excess = excessOf(room, compiled);
    if (excess !== null) throw outOfMemory(room, job, excess);
    try {
      return await this.#send(job, compiled, options);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      // It would fit, so the platform gives no more.
      const now = await this.#room();
      const full = { ...now, limit_bytes: now.heap.memoryBytes, refused: true };
      const lack = excessOf(full, compiled);
      throw lack === null ? error : outOfMemory(full, job, lack);
    }
  }

  async #send(job: Job, compiled: Compiled, options: AcquireOptions): Promise<number> {
    const { encoded } = compiled;
    const packed: Packing[] = [];
    const weights = compiled.weights.map((weight): HostWeight => {
      const { key, bytes } = weight;
      const known = this.#cache.weight(key);
      if (known !== undefined) return known;
      const id = ++this.#lastWeight;
      packed.push({ id, weight });
      return { key, id, bytes, plans: 0, held: 0 };
    });
    const ids = weights.map(({ id }) => id);
    const plan = ++this.#lastPlan;
    const { signal, onProgress } = options;
    const total = packed.length + 1;
    onProgress?.(0, total);
    try {
      let before = 0;
      for (const uploads of batches(packed)) {
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
    const parameters = [...job.values.keys()].map(({ uid }) => uid);
    const wasmBytes = encoded.words.byteLength;
    const interned = [...job.values.keys()].filter(isInterned);
    const storedBytes = interned.reduce((sum, { stored }) => sum + (stored?.bytes.byteLength ?? 0), 0);
    const heapBytes = heapBytesOf(job.key, parameters.length, weights.length) + storedBytes;
    const cached = { key: job.key, id: plan, parameters, weights, wasmBytes, heapBytes };
    this.#interned.set(cached, interned);
    this.#cache.add(cached, job.values);
    onProgress?.(total, total);
    return plan;
  }

  /** Has the host drop plans that the cache has let go of. */
  async #free(plans: readonly CachedPlan[]): Promise<void> {
    const requests = plans.map(({ id }) => this.#client.request({ type: 'free', plan: id }));
    this.#memory = (await Promise.all(requests)).at(-1) ?? this.#memory;
  }
}

/** What a loaded plan takes of JavaScript's heaps, here and in the host, as measured with V8. */
function heapBytesOf(key: string, parameters: number, weights: number): number {
  return 1300 + key.length + 100 * parameters + 24 * weights;
}

/** A weight to pack, and the host's id of it. */
interface Packing {
  readonly id: number;
  readonly weight: PackedWeight;
}

/** An upload whose bytes are still the parameters' own. */
interface Encoded extends Omit<WeightUpload, 'raw'> {
  readonly raw: readonly Uint8Array[];
}

const bytesOf = ({ raw }: Encoded): number => raw.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** The weights in order, at most {@link BATCH_BYTES} of stored bytes together; a batch is copied when it is asked for. */
function* batches(weights: readonly Packing[]): Generator<readonly WeightUpload[]> {
  let batch: Encoded[] = [];
  let bytes = 0;
  for (const { id, weight } of weights) {
    const upload = { id, bytes: weight.bytes, ...weight.encode() };
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
