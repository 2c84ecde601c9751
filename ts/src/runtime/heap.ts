/**
 * The heap in wasm memory: who owns which bytes, nothing about what they hold. A free list over the ranges it was given and the ranges
 * that its own `grow` returned; two ranges are joined only where they are seen to touch, since others may grow the memory too.
 */

/** Addresses and sizes of blocks are multiples of this: a cache line. */
export const ALIGNMENT_BYTES = 64;
/** What memory grows by. */
export const PAGE_BYTES = 65536;
/** As many as 32-bit addresses reach. */
export const MOST_PAGES = 65536;

/** Adds pages to the memory and returns the first new page's number, or -1 where there are no more; `WebAssembly.Memory.grow` without its exception. */
export type GrowPages = (pages: number) => number;

/** The bytes from `start` to `end`, exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** First-fit allocator over byte addresses. */
export class Heap {
  /** Free ranges, ascending, no two touching. */
  readonly #free: { start: number; end: number }[] = [];
  readonly #blocks = new Map<number, number>();
  readonly #grow: GrowPages;
  #allocatedBytes = 0;

  /** A heap over `ranges` that asks `grow` for more. */
  constructor(ranges: readonly Range[], grow: GrowPages) {
    this.#grow = grow;
    for (const range of ranges) this.give(range);
  }

  /** Bytes in blocks, alignment included. */
  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /** The address of a new block of at least `bytes` bytes, or null where the memory cannot grow enough. The contents are whatever was there. */
  allocate(bytes: number): number | null {
    const size = Math.max(ALIGNMENT_BYTES, roundUp(bytes, ALIGNMENT_BYTES));
    let index = this.#free.findIndex((range) => range.end - range.start >= size);
    if (index < 0) index = this.#growFor(size);
    const range = this.#free[index];
    if (range === undefined) return null;
    const address = range.start;
    range.start += size;
    if (range.start === range.end) this.#free.splice(index, 1);
    this.#blocks.set(address, size);
    this.#allocatedBytes += size;
    return address;
  }

  /** Gives a block back. An address that is not a block's is a bug of the caller and throws. */
  free(address: number): void {
    const size = this.#blocks.get(address);
    if (size === undefined) throw new Error(`heap: no block at ${address}`);
    this.#blocks.delete(address);
    this.#allocatedBytes -= size;
    this.#insert({ start: address, end: address + size });
  }

  /** Adds free bytes that were nobody's, rounded to whole cache lines. */
  give({ start, end }: Range): void {
    const first = roundUp(start, ALIGNMENT_BYTES);
    const last = Math.floor(end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (last > first) this.#insert({ start: first, end: last });
  }

  /** The free ranges, ascending by address. */
  freeRanges(): readonly Range[] {
    return this.#free.map((range) => ({ ...range }));
  }

  /** Grows until some free range holds `size` bytes, and returns its index, or -1. */
  #growFor(size: number): number {
    for (;;) {
      // Often the last free range lies at the end of the memory, and only what it lacks is asked for. If something else grew in between, the new
      // range does not touch it, and is the last one then.
      const last = this.#free.at(-1);
      const missing = last === undefined ? size : size - (last.end - last.start);
      const pages = Math.ceil(missing / PAGE_BYTES);
      const first = this.#grow(pages);
      if (first < 0) return -1;
      this.#insert({ start: first * PAGE_BYTES, end: (first + pages) * PAGE_BYTES });
      const index = this.#free.findIndex((range) => range.end - range.start >= size);
      if (index >= 0) return index;
    }
  }

  #insert({ start, end }: Range): void {
    const range = { start, end };
    let index = this.#free.findIndex((other) => other.start > range.start);
    if (index < 0) index = this.#free.length;
    const before = this.#free[index - 1];
    const after = this.#free[index];
    if (before?.end === range.start) {
      before.end = range.end;
      if (after !== undefined && after.start === before.end) {
        before.end = after.end;
        this.#free.splice(index, 1);
      }
    } else if (after !== undefined && after.start === range.end) {
      after.start = range.start;
    } else {
      this.#free.splice(index, 0, range);
    }
  }
}
