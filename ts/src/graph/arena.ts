/** Offsets in one arena from live ranges: the largest buffer first, each into the smallest gap that holds it. Knows nothing of graphs. */

/** Every offset is a multiple of this: a cache line, and four times the 16 bytes that operands need. */
export const ALIGNMENT_BYTES = 64;

export interface LiveRange {
  readonly bytes: number;
  /** First and last step in which it is needed, both inclusive. */
  readonly first: number;
  readonly last: number;
}

export interface Arena {
  /** One offset a range, in the order given. */
  readonly offsets_bytes: readonly number[];
  readonly bytes: number;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Whether two ranges are ever needed at the same time. */
export function overlapInTime(a: LiveRange, b: LiveRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Lays ranges out so that no two that overlap in time overlap in bytes. */
export function layOut(ranges: readonly LiveRange[]): Arena {
  const offsets = new Array<number>(ranges.length).fill(0);
  const order = ranges
    .map((range, index) => ({ range, index }))
    .sort((a, b) => b.range.bytes - a.range.bytes || a.range.first - b.range.first || a.index - b.index);
  const placed: { readonly range: LiveRange; readonly start: number; readonly end: number }[] = [];
  let total = 0;
  for (const { range, index } of order) {
    const size = aligned(range.bytes);
    const taken = placed.filter((one) => overlapInTime(one.range, range)).sort((a, b) => a.start - b.start);
    let best = -1;
    let bestGap = Number.POSITIVE_INFINITY;
    let cursor = 0;
    for (const { start, end } of taken) {
      const gap = start - cursor;
      if (gap >= size && gap < bestGap) {
        best = cursor;
        bestGap = gap;
      }
      cursor = Math.max(cursor, end);
    }
    const start = best >= 0 ? best : cursor;
    offsets[index] = start;
    placed.push({ range, start, end: start + size });
    total = Math.max(total, start + size);
  }
  return { offsets_bytes: offsets, bytes: total };
}
