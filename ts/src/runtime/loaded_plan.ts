/** A plan inside wasm memory: its words, patched for where its regions lie, and what the header says. It owns no memory. */
import { GouacheError } from '../errors.js';
import type { EncodedPlan, Slot } from '../graph/plan.js';
import { ENTRY_WORDS, HEADER, HEADER_WORDS, STATUS_FAULT } from '../ops/records.gen.js';
import { FaultMet } from './fault.js';
import type { Instance } from './instance.js';

const BLOCK_BYTES = 16;
/** In a position's word: the worker waits for the others there. */
const POSITION_MASK = 0x7fff_ffff;

/** A region that operands refer to: [address, address + bytes). */
export interface Region {
  readonly address: number;
  readonly bytes: number;
}

/** The smallest region that covers all of `regions`; an empty one for none. */
function covering(regions: readonly Region[]): Region {
  if (regions.length === 0) return { address: 0, bytes: 0 };
  const address = Math.min(...regions.map((region) => region.address));
  const end = Math.max(...regions.map((region) => region.address + region.bytes));
  return { address, bytes: end - address };
}

/** What a plan needs to run: an instance, the address of its words, and its slots. The encoded form is not kept: there may be thousands of plans. */
export class LoadedPlan {
  readonly address: number;
  /** Words at the address. */
  readonly length: number;
  readonly records: number;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Workers that run it together; fixed when it was encoded, with room for each. */
  readonly workers: number;
  readonly #instance: Instance;

  /**
   * Copies the words to `address` and points the relocations at `weights`.
   * @param weights the region of each weight, in the order that relocations count
   */
  constructor(instance: Instance, encoded: EncodedPlan, address: number, weights: readonly Region[]) {
    this.#instance = instance;
    this.address = address;
    this.length = encoded.words.length;
    this.inputs = encoded.inputs;
    this.outputs = encoded.outputs;
    this.records = encoded.words[HEADER.records] ?? 0;
    this.workers = encoded.words[HEADER.workers] ?? 1;
    const words = this.#words();
    words.set(encoded.words);
    const region = covering(weights);
    words[HEADER.weightsBase] = region.address;
    words[HEADER.weightsBlocks] = Math.ceil(region.bytes / BLOCK_BYTES);
    for (const { word, weight } of encoded.relocations) {
      const target = weights[weight];
      if (target === undefined)
        throw new GouacheError(`plan: relocation to weight ${weight} of ${weights.length}`);
      words[word] = (words[word] ?? 0) + (target.address - region.address) / BLOCK_BYTES;
    }
  }

  /** Tells the plan where the arena is, and has every offset checked against it. */
  load(arena: Region): void {
    const words = this.#words();
    words[HEADER.arenaBase] = arena.address;
    words[HEADER.arenaBlocks] = Math.floor(arena.bytes / BLOCK_BYTES);
    const { exports } = this.#instance;
    this.#check('plan_load', exports.plan_load(this.address, this.length));
  }

  /** Puts the position back to the first tile. */
  start(): void {
    const { exports } = this.#instance;
    this.#check('plan_start', exports.plan_start(this.address, this.length, this.workers));
  }

  /** Runs at most `tile_budget` tiles (0 is a fault) of one record as worker 0; returns the status. */
  run(tile_budget: number): number {
    const { exports } = this.#instance;
    return this.#check('plan_run', exports.plan_run(this.address, this.length, tile_budget, 0));
  }

  /** Has every worker end the run before its next tile. */
  abort(): void {
    const words = new Int32Array(this.#instance.memory.buffer, this.address, HEADER_WORDS);
    Atomics.store(words, HEADER.abort, 1);
    // Those that wait at a barrier look at once.
    Atomics.notify(words, HEADER.generation);
  }

  /** Throws the fault that another worker met. */
  throwFault(): void {
    this.#check('plan_run', STATUS_FAULT);
  }

  /** Index of the record that worker 0 is at. */
  position(): number {
    return (this.#words()[HEADER.positions] ?? 0) & POSITION_MASK;
  }

  /** Tiles of this run, done and in all. */
  progress(): { readonly done: number; readonly total: number } {
    const words = this.#words();
    return { done: words[HEADER.tilesDone] ?? 0, total: words[HEADER.tilesTotal] ?? 0 };
  }

  #words(): Uint32Array {
    return new Uint32Array(this.#instance.memory.buffer, this.address, this.length);
  }

  #check(op: string, status: number): number {
    if (status !== STATUS_FAULT) return status;
    const words = this.#words();
    const record = words[HEADER.faultRecord] ?? 0;
    const start = words[HEADER_WORDS + record * ENTRY_WORDS] ?? 0;
    throw new FaultMet({
      op,
      record,
      code: words[start] ?? 0,
      field: words[HEADER.faultField] ?? 0,
      got: words[HEADER.faultGot] ?? 0,
      wanted: words[HEADER.faultWanted] ?? 0,
    });
  }
}
