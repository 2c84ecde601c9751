/** The error of a computation that does not fit: how much it wanted, and the largest side that would fit. Only arithmetic on plans. */
import { OutOfMemoryError } from '../errors.js';
import { extraWeightBytes, placeGraph } from '../graph/compile.js';
import { numel } from '../graph/shape.js';
import type { Job } from './job.js';

const MIB = 2 ** 20;

/** Spells bytes for people. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}

export interface MissingMemory {
  readonly job: Job;
  /** What the job takes in all. */
  readonly wanted_bytes: number;
  /** What there is. */
  readonly limit_bytes: number;
  /** The part of `wanted_bytes` that does not depend on the picture's size. */
  readonly fixed_bytes: number;
  readonly workers: number;
}

export function outOfMemory({
  job,
  wanted_bytes,
  limit_bytes,
  fixed_bytes,
  workers,
}: MissingMemory): OutOfMemoryError {
  const side = largestSide(job, limit_bytes - fixed_bytes, workers);
  const advice = side === null ? 'Make the input smaller' : `The largest side that fits is ${side}`;
  return new OutOfMemoryError('this does not fit the memory', {
    op: job.op,
    got: `${wanted_bytes} bytes (${mebibytes(wanted_bytes)})`,
    wanted: `at most ${limit_bytes} bytes (${mebibytes(limit_bytes)})`,
    hint: `${advice}; Engine.create({ maxMemoryBytes }) sets the bound, up to 4 GiB.`,
    wantedBytes: wanted_bytes,
    largestSide: side,
  });
}

/** Bytes that a job takes beside its arena: the kernels' stacks and constants (below 2 MiB for the first worker and each other), and packed weights. */
export function fixedBytes(job: Job, workers: number): number {
  const parameters = [...job.values.keys()];
  const plain = parameters.reduce((sum, parameter) => sum + 4 * numel(parameter.shape), 0);
  return 2 ** 21 * workers + plain + extraWeightBytes(job.graph, job.options);
}

/** The longest side, of the same aspect ratio, whose arena fits `arena_bytes`; null where there is no picture or none fits. */
export function largestSide(job: Job, arena_bytes: number, workers: number): number | null {
  const { scaled } = job;
  if (scaled === null) return null;
  const fits = (side: number): boolean => {
    try {
      return placeGraph(scaled.at(side).graph, { ...job.options, workers }).arena_bytes <= arena_bytes;
    } catch {
      return false;
    }
  };
  // Sizes between multiples of 16 may not suit a network's strides; above, only those are tried.
  const step = 16;
  let low = 0;
  let high = Math.ceil(scaled.longestSide / step);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fits(middle * step)) low = middle;
    else high = middle;
  }
  return low === 0 ? null : low * step;
}

/** A side that surely can be traced, and is large enough for the arena to grow with the pixels from there. */
const TRACED_SIDE_PX = 1024;

/**
 * The error of a picture with more bytes than a plan can count (2^31): what its arena would take is told from a smaller one's.
 * @param smaller the same job with another longest side
 */
export function tooManyPixels(
  smaller: (side: number) => Job,
  longestSide: number,
  { limit_bytes, workers }: { readonly limit_bytes: number; readonly workers: number },
): OutOfMemoryError {
  const small = smaller(TRACED_SIDE_PX);
  const ratio = (longestSide / TRACED_SIDE_PX) ** 2;
  const { arena_bytes } = placeGraph(small.graph, { ...small.options, workers });
  const fixed_bytes = fixedBytes(small, workers);
  const wanted_bytes = Math.round(arena_bytes * ratio) + fixed_bytes;
  return outOfMemory({ job: small, wanted_bytes, limit_bytes, fixed_bytes, workers });
}
