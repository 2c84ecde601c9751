/**
 * Whether a job fits the memory, and the error where it does not: what it wants, and the largest side that fits. Only arithmetic: what the host
 * would allocate is allocated on a copy of its heap.
 */
import { OutOfMemoryError } from '../errors.js';
import { type Compiled, compileStages, stageGraph } from '../graph/compile.js';
import type { Traced } from '../graph/trace.js';
import { Heap, MOST_PAGES, PAGE_BYTES } from './heap.js';
import { type Job, SIDE_STEP_PX } from './job.js';
import type { HeapReply } from './protocol.js';

const MIB = 2 ** 20;
/** The most bytes of one value: Rust's pointers may not be farther apart (`Region::at` in crates/kernels/src/mem.rs refuses more). */
const MOST_VALUE_BYTES = 2 ** 31 - 1;

/** What a job is to fit. */
export interface Room {
  /** As it is without the job. */
  readonly heap: HeapReply;
  /** What the memory may grow to. */
  readonly limit_bytes: number;
  /** Whether that is no maximum, but what there was when the platform refused more. */
  readonly refused: boolean;
  /** Workers that plans have room for. */
  readonly workers: number;
  /** Whether the packed weight of that key is in the memory already. */
  holds(key: string): boolean;
}

/** By what a job does not fit. */
export interface Excess {
  readonly of: 'memory' | 'platform' | 'value';
  readonly wanted_bytes: number;
  readonly limit_bytes: number;
}

/** What the host allocates for a job, in its order. */
interface Demand {
  readonly weights: readonly {
    readonly bytes: number;
    /** Of the plan that packs it: there only meanwhile. */
    readonly words_bytes: number;
    readonly arena_bytes: number;
  }[];
  readonly words_bytes: number;
  readonly arena_bytes: number;
}

/** How large the memory is once it has held all of it; stacks, constants and other plans included. `Machine` allocates in this order. */
function memoryBytesWith({ weights, words_bytes, arena_bytes }: Demand, { heap: now }: Room): number {
  let total_bytes = now.memoryBytes;
  const heap = new Heap(now.freeRanges, (pages) => {
    const first = total_bytes / PAGE_BYTES;
    total_bytes += pages * PAGE_BYTES;
    return first;
  });
  // It grows without end, so that there is an address for everything.
  const allocate = (bytes: number): number => heap.allocate(bytes) ?? 0;
  for (const weight of weights) {
    allocate(weight.bytes);
    const words = allocate(weight.words_bytes);
    heap.free(allocate(weight.arena_bytes));
    heap.free(words);
  }
  allocate(words_bytes);
  if (arena_bytes > now.arenaBytes) {
    heap.give({ start: now.arenaAddress, end: now.arenaAddress + now.arenaBytes });
    allocate(arena_bytes);
  }
  return total_bytes;
}

function excessOfMemory({ limit_bytes, refused }: Room, wanted_bytes: number): Excess {
  return { of: refused ? 'platform' : 'memory', wanted_bytes, limit_bytes };
}

/**
 * Compiles the job if it fits.
 * @throws {@link StateDictError} when a parameter has no values
 */
export function compileWithin(room: Room, { graph, options, values }: Job): Compiled | Excess {
  const stages = stageGraph(graph, { ...options, workers: room.workers });
  const { arena_bytes } = stages.placement;
  // Plans cannot name what lies beyond; what else they take need not be counted then.
  if (arena_bytes > MOST_PAGES * PAGE_BYTES)
    return excessOfMemory(room, memoryBytesWith({ weights: [], words_bytes: 0, arena_bytes }, room));
  const compiled = compileStages(stages, values);
  return excessOf(room, compiled) ?? compiled;
}

/** By what a compiled job does not fit, if it does not. */
export function excessOf(room: Room, { encoded, stages, weights: all }: Compiled): Excess | null {
  const fresh = all.filter(({ key }) => !room.holds(key));
  const weights = fresh.map(({ bytes, encode }) => {
    const { prepare, raw } = encode();
    const raw_bytes = raw.map(({ byteLength }) => byteLength);
    return { bytes, raw_bytes, words_bytes: prepare.words.byteLength, arena_bytes: prepare.arena_bytes };
  });
  const { arena_bytes, words } = encoded;
  const wanted_bytes = memoryBytesWith({ weights, words_bytes: words.byteLength, arena_bytes }, room);
  if (wanted_bytes > room.limit_bytes) return excessOfMemory(room, wanted_bytes);
  const values_bytes = [stages.placement.buffers, weights].flat().map(({ bytes }) => bytes);
  const largest_bytes = Math.max(0, ...values_bytes, ...weights.flatMap(({ raw_bytes }) => raw_bytes));
  return largest_bytes > MOST_VALUE_BYTES
    ? { of: 'value', wanted_bytes: largest_bytes, limit_bytes: MOST_VALUE_BYTES }
    : null;
}

/** How far below it is looked for a size that a network takes: in the steps of one that halves sizes nine times. */
const NEAR_STEPS = 32;

/** The longest side, of the same aspect ratio, that fits however its owner rounds the other; null where there is no picture or none fits. */
function largestSide(room: Room, job: Job): number | null {
  const { scaled } = job;
  if (scaled === null) return null;
  const fits = (traced: Traced | null): boolean =>
    traced !== null && 'encoded' in compileWithin(room, { ...job, graph: traced.graph });
  const firstFits = (steps: number): boolean => {
    for (const traced of scaled.at(steps * SIDE_STEP_PX)) return fits(traced);
    return false;
  };
  const allFit = (steps: number): boolean => {
    let any = false;
    for (const traced of scaled.at(steps * SIDE_STEP_PX)) {
      if (!fits(traced)) return false;
      any = true;
    }
    return any;
  };
  const first = lastOf(Math.ceil(scaled.longestSide / SIDE_STEP_PX), firstFits);
  let steps = first;
  while (steps > 0 && steps > first - NEAR_STEPS && !allFit(steps)) steps--;
  // Far below lies what of a few rows takes many times the memory when they are rounded up.
  if (steps === first - NEAR_STEPS) steps = lastOf(steps + 1, allFit);
  return steps <= 0 ? null : steps * SIDE_STEP_PX;
}

/** The last number below `end` that passes, where those that pass come before those that do not; 0 where none does. */
function lastOf(end: number, passes: (number: number) => boolean): number {
  let [low, high] = [0, end];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (passes(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** What does not fit, and where the bound comes from. */
const WORDS = {
  memory: [
    'this does not fit the memory',
    '; Engine.create({ maxMemoryBytes }) sets the bound, up to 4 GiB and to what the platform gives.',
  ],
  platform: ['the platform gives no more memory', '.'],
  value: ['one value of this is larger than kernels can address', '.'],
} as const satisfies Record<Excess['of'], readonly [string, string]>;

/** Spells bytes for people. */
const spell = (bytes: number): string => `${bytes} bytes (${Math.ceil(bytes / MIB)} MiB)`;

/** @param room what the largest side is to fit */
export function outOfMemory(
  room: Room,
  job: Job,
  { of, wanted_bytes, limit_bytes }: Excess,
): OutOfMemoryError {
  const side = largestSide(room, job);
  const [what, bound] = WORDS[of];
  const beside = room.heap.allocatedBytes > 0 ? ' beside the sessions that are open' : '';
  const nothing =
    job.scaled === null || room.refused ? 'Make the input smaller' : `No size of it fits${beside}`;
  const advice = side === null ? nothing : `The largest side that fits${beside} is ${side}`;
  return new OutOfMemoryError(what, {
    op: job.op,
    got: spell(wanted_bytes),
    wanted: `at most ${spell(limit_bytes)}`,
    hint: `${advice}${bound}`,
    wantedBytes: wanted_bytes,
    largestSide: side,
  });
}
