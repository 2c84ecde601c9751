// The heap as a property: blocks never overlap, stay inside what was given or grown, and everything comes back.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALIGNMENT_BYTES, Heap } from '../../dist/runtime/heap.js';

const PAGE_BYTES = 65536;

/** A memory that also grows behind the heap's back, as a starting worker's stack does. */
class FakeMemory {
  pages: number;
  readonly most: number;
  /** Ranges the heap may use: the initial one and those its own grow returned. */
  readonly given: { start: number; end: number }[] = [];

  constructor(pages: number, most: number) {
    this.pages = pages;
    this.most = most;
  }

  growBy(pages: number): number {
    if (this.pages + pages > this.most) return -1;
    const first = this.pages;
    this.pages += pages;
    return first;
  }

  readonly grow = (pages: number): number => {
    const first = this.growBy(pages);
    if (first >= 0) this.given.push({ start: first * PAGE_BYTES, end: (first + pages) * PAGE_BYTES });
    return first;
  };

  /** The given ranges with neighbours joined: a block may span two that touch. */
  joined(): { start: number; end: number }[] {
    const sorted = [...this.given].sort((a, b) => a.start - b.start);
    const joined: { start: number; end: number }[] = [];
    for (const range of sorted) {
      const last = joined.at(-1);
      if (last !== undefined && last.end === range.start) last.end = range.end;
      else joined.push({ ...range });
    }
    return joined;
  }
}

const command = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('allocate'), amount: fc.nat(300_000) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('free'), amount: fc.nat(1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('others grow'), amount: fc.integer({ min: 1, max: 3 }) }),
  },
);

test('blocks are aligned, lie in the heap’s own ranges, never overlap, and all come back', () => {
  fc.assert(
    fc.property(fc.nat(3 * PAGE_BYTES), fc.array(command, { maxLength: 120 }), (base, commands) => {
      const memory = new FakeMemory(3, 64);
      const heap = new Heap([{ start: base, end: 3 * PAGE_BYTES }], memory.grow);
      memory.given.push({ start: base, end: 3 * PAGE_BYTES });
      const blocks: { start: number; end: number }[] = [];
      for (const { kind, amount } of commands) {
        if (kind === 'others grow') memory.growBy(amount);
        else if (kind === 'free') {
          const [block] = blocks.splice(amount % Math.max(1, blocks.length), 1);
          if (block !== undefined) heap.free(block.start);
        } else {
          const start = heap.allocate(amount);
          if (start === null) continue;
          const block = { start, end: start + amount };
          expect(start % ALIGNMENT_BYTES).toBe(0);
          expect(memory.joined().some((range) => range.start <= start && block.end <= range.end)).toBe(true);
          for (const other of blocks) {
            const end = Math.max(block.end, start + 1);
            expect(other.end <= start || end <= other.start).toBe(true);
          }
          blocks.push({ start, end: Math.max(block.end, start + 1) });
        }
      }
      for (const { start } of blocks) heap.free(start);
      expect(heap.allocatedBytes).toBe(0);
      // Everything that touches is one range again.
      const free = heap.freeRanges();
      const usable = memory
        .joined()
        .map(({ start, end }) => ({ start: Math.ceil(start / ALIGNMENT_BYTES) * ALIGNMENT_BYTES, end }))
        .filter(({ start, end }) => end > start);
      expect(free).toEqual(usable);
    }),
    { numRuns: 300 },
  );
});

test('a freed block serves again, and growing asks only for what the last range lacks', () => {
  const memory = new FakeMemory(2, 100);
  const heap = new Heap([{ start: PAGE_BYTES, end: 2 * PAGE_BYTES }], memory.grow);
  const first = heap.allocate(PAGE_BYTES / 2);
  expect(first).toBe(PAGE_BYTES);
  const large = heap.allocate(2 * PAGE_BYTES);
  // Half a page was left: a page and a half are missing, and two are asked for.
  expect(memory.pages).toBe(4);
  heap.free(large ?? -1);
  expect(heap.allocate(2 * PAGE_BYTES)).toBe(large);
  expect(memory.pages).toBe(4);
});

test('where something else grew in between, not a page more is asked for than the block takes', () => {
  const memory = new FakeMemory(1, 100);
  const heap = new Heap([{ start: 0, end: PAGE_BYTES }], memory.grow);
  memory.growBy(3);
  expect(heap.allocate(4 * PAGE_BYTES)).toBe(4 * PAGE_BYTES);
  expect(memory.pages).toBe(8);
});

test('no block where the memory cannot grow, and nothing is lost by asking', () => {
  const memory = new FakeMemory(1, 2);
  const heap = new Heap([{ start: 0, end: PAGE_BYTES }], memory.grow);
  expect(heap.allocate(10 * PAGE_BYTES)).toBeNull();
  expect(heap.allocatedBytes).toBe(0);
  expect(heap.allocate(PAGE_BYTES)).toBe(0);
});

test('freeing what is not a block throws', () => {
  const heap = new Heap([{ start: 0, end: PAGE_BYTES }], () => -1);
  const address = heap.allocate(64) ?? -1;
  heap.free(address);
  expect(() => heap.free(address)).toThrow('no block');
});
