/**
 * What the host owns: one instance, its memory, the heap in it, one arena that all plans share (runs are serial), packed weights
 * counted by reference, and plans. It knows no messages and no event loop; runtime/host.ts drives it.
 */
import { GouacheError, OutOfMemoryError } from '../errors.js';
import { Heap, PAGE_BYTES, type Range } from './heap.js';
import type { FirstInstance } from './instance.js';
import { LoadedPlan, type Region } from './loaded_plan.js';
import type { CompileRequest, HeapReply, MemoryReply, PackRequest, WeightUpload } from './protocol.js';
import { release } from './release.js';

interface Weight {
  readonly region: Region;
  references: number;
}

interface Entry {
  readonly plan: LoadedPlan;
  readonly address: number;
  readonly weights: readonly number[];
}

/** Runs a plan to its end, in slices. */
export type Drive = (plan: LoadedPlan) => Promise<void>;

/** Memory, heap, arena, weights and plans of one engine. */
export class Machine {
  readonly #instance: FirstInstance;
  readonly #heap: Heap;
  readonly #weights = new Map<number, Weight>();
  readonly #plans = new Map<number, Entry>();
  /** Weights packed for plans that are not compiled yet. */
  readonly #ahead = new Map<number, number[]>();
  #arena: Region = { address: 0, bytes: 0 };

  constructor(instance: FirstInstance) {
    const { memory } = instance;
    this.#instance = instance;
    this.#heap = new Heap(firstRanges(instance), (pages) => {
      try {
        return memory.grow(pages);
      } catch {
        return -1;
      }
    });
  }

  memory(): MemoryReply {
    return {
      memoryBytes: this.#instance.memory.buffer.byteLength,
      allocatedBytes: this.#heap.allocatedBytes,
      arenaBytes: this.#arena.bytes,
    };
  }

  heap(): HeapReply {
    return {
      ...this.memory(),
      arenaAddress: this.#arena.address,
      freeRanges: this.#heap.freeRanges(),
      maximumBytes: this.#instance.maximumPages * PAGE_BYTES,
    };
  }

  /** The plan's words and slots. */
  plan(id: number): LoadedPlan {
    const entry = this.#plans.get(id);
    if (entry === undefined) throw new GouacheError(`host: no plan ${id}`);
    return entry.plan;
  }

  /**
   * Packs weights for a plan to come. On failure nothing stays of them, nor of those that were packed for it before.
   * @param packed called after each packed weight
   * @throws {@link OutOfMemoryError} when the memory cannot grow enough
   */
  async pack({ plan, uploads }: PackRequest, drive: Drive, packed: (done: number) => void): Promise<void> {
    const ahead = this.#ahead.get(plan) ?? [];
    this.#ahead.set(plan, ahead);
    try {
      for (const [index, upload] of uploads.entries()) {
        const region = this.#allocate(upload.bytes);
        this.#weights.set(upload.id, { region, references: 0 });
        ahead.push(upload.id);
        await this.#pack(upload, region, drive);
        packed(index + 1);
      }
    } catch (error) {
      this.#dropAhead(plan);
      throw error;
    } finally {
      for (const { raw } of uploads) for (const { buffer } of raw) release(buffer);
    }
  }

  /**
   * Makes the arena large enough, and loads the plan. On failure nothing of it stays, nor of what was packed for it.
   * @throws {@link OutOfMemoryError} when the memory cannot grow enough
   */
  compile(request: CompileRequest): void {
    let address: number | null = null;
    try {
      const { encoded, weights } = request;
      address = this.#allocate(encoded.words.byteLength).address;
      this.#reserveArena(encoded.arena_bytes);
      const plan = new LoadedPlan(
        this.#instance,
        encoded,
        address,
        weights.map((id) => this.#weight(id).region),
      );
      plan.load(this.#arena);
      for (const id of weights) this.#weight(id).references++;
      this.#plans.set(request.plan, { plan, address, weights });
      this.#ahead.delete(request.plan);
    } catch (error) {
      if (address !== null) this.#heap.free(address);
      this.#dropAhead(request.plan);
      if (this.#plans.size === 0) this.#releaseArena();
      throw error;
    }
  }

  /** Drops the plan, and each weight that no other plan uses; the arena stays. An unknown plan is not an error: its compile failed. */
  free(id: number): void {
    this.#dropAhead(id);
    const entry = this.#plans.get(id);
    if (entry === undefined) return;
    this.#plans.delete(id);
    this.#heap.free(entry.address);
    for (const weight of entry.weights) {
      if (--this.#weight(weight).references === 0) this.#dropWeight(weight);
    }
    // The arena is as large as the largest live plan wants; without any it is given back.
    if (this.#plans.size === 0) this.#releaseArena();
  }

  /** Copies inputs into the plan's slots. */
  write(plan: LoadedPlan, inputs: readonly Uint8Array[]): void {
    writeSlots(this.#instance.memory, plan, this.#arena, inputs);
  }

  /** Copies outputs out of the plan's slots. */
  read(plan: LoadedPlan): Uint8Array<ArrayBuffer>[] {
    return plan.outputs.map((slot) => {
      const start = this.#arena.address + slot.offset_bytes;
      return new Uint8Array(this.#instance.memory.buffer, start, slot.bytes).slice();
    });
  }

  #dropAhead(plan: number): void {
    for (const id of this.#ahead.get(plan) ?? []) this.#dropWeight(id);
    this.#ahead.delete(plan);
  }

  /** Converts and packs one weight, with an arena of its own for the time. */
  async #pack(upload: WeightUpload, destination: Region, drive: Drive): Promise<void> {
    const { prepare, raw } = upload;
    const words = this.#allocate(prepare.words.byteLength);
    let arena: Region | null = null;
    try {
      arena = this.#allocate(prepare.arena_bytes);
      const plan = new LoadedPlan(this.#instance, prepare, words.address, [destination]);
      plan.load(arena);
      writeSlots(this.#instance.memory, plan, arena, raw);
      await drive(plan);
    } finally {
      if (arena !== null) this.#heap.free(arena.address);
      this.#heap.free(words.address);
    }
  }

  #allocate(bytes: number): Region {
    const address = this.#heap.allocate(bytes);
    if (address === null) {
      throw new OutOfMemoryError('the memory cannot grow enough', { wantedBytes: bytes, largestSide: null });
    }
    return { address, bytes };
  }

  /** Makes the arena at least `bytes` large. Nothing lives in it between runs, so it is freed first; every plan learns the new place. */
  #reserveArena(bytes: number): void {
    if (bytes <= this.#arena.bytes) return;
    const old = this.#arena.bytes;
    this.#releaseArena();
    try {
      this.#arena = this.#allocate(bytes);
    } catch (error) {
      if (old > 0) this.#arena = this.#allocate(old);
      throw error;
    } finally {
      for (const { plan } of this.#plans.values()) plan.load(this.#arena);
    }
  }

  #releaseArena(): void {
    if (this.#arena.bytes > 0) this.#heap.free(this.#arena.address);
    this.#arena = { address: 0, bytes: 0 };
  }

  #weight(id: number): Weight {
    const weight = this.#weights.get(id);
    if (weight === undefined) throw new GouacheError(`host: no weight ${id}`);
    return weight;
  }

  #dropWeight(id: number): void {
    this.#heap.free(this.#weight(id).region.address);
    this.#weights.delete(id);
  }
}

function writeSlots(
  memory: WebAssembly.Memory,
  plan: LoadedPlan,
  arena: Region,
  inputs: readonly Uint8Array[],
): void {
  plan.inputs.forEach((slot, index) => {
    const bytes = inputs[index];
    if (bytes?.byteLength !== slot.bytes) {
      throw new GouacheError(
        `host: input ${index} has ${bytes?.byteLength} bytes for a slot of ${slot.bytes}`,
      );
    }
    new Uint8Array(memory.buffer, arena.address + slot.offset_bytes, bytes.byteLength).set(bytes);
  });
}

/**
 * What the heap has before it grows. In front of `heap_base` the module keeps its own; in a threads build wasm-bindgen keeps more behind it (a
 * count of instances, the stack they start on, the first one's thread-local storage), so there only pages that the heap grew serve.
 */
function firstRanges({ memory, exports, shared }: FirstInstance): Range[] {
  return shared ? [] : [{ start: exports.heap_base() >>> 0, end: memory.buffer.byteLength }];
}
