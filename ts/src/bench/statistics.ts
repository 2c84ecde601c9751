/** Minima, medians and spreads of measurements, and orders drawn by a seed. */

export interface Times {
  readonly min: number;
  readonly median: number;
  /** Between the quartiles. */
  readonly spread: number;
  readonly count: number;
}

function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

export function timesOf(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    min: sorted[0] ?? Number.NaN,
    median: quantile(sorted, 0.5),
    spread: quantile(sorted, 0.75) - quantile(sorted, 0.25),
    count: sorted.length,
  };
}

/** A median, and what it is below with a confidence of 95 %. */
export interface BoundedMedian {
  readonly median: number;
  readonly bound: number;
}

const CONFIDENCE = 0.95;

/**
 * The sample's median, and an upper confidence bound of the true one by order statistics, which knows nothing of the distribution: k values or
 * fewer of n lie below the true median as often as a coin that is thrown n times falls k times or fewer, so that the value number k + 1 is a bound
 * where that is often enough. Below five values none is: NaN.
 */
export function boundedMedian(values: readonly number[]): BoundedMedian {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  // In logarithms: 2^-n is no number any more where n is large.
  let [log, below] = [-n * Math.LN2, 0];
  for (const [k, bound] of sorted.entries()) {
    below += Math.exp(log);
    if (below >= CONFIDENCE) return { median: quantile(sorted, 0.5), bound };
    log += Math.log((n - k) / (k + 1));
  }
  return { median: quantile(sorted, 0.5), bound: Number.NaN };
}

/** Mulberry32: numbers in [0, 1) from a 32-bit seed. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fisher and Yates' shuffle of a copy. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a === undefined || b === undefined) continue;
    [order[last], order[other]] = [b, a];
  }
  return order;
}
