/** Plans put together from records by hand, over an arena alone. */
import type { EncodedPlan, Slot } from '../../dist/graph/plan.js';
import {
  ENTRY_WORDS,
  HEADER_WORDS,
  PLAN_MAGIC,
  PLAN_VERSION,
  REGION_ARENA,
} from '../../dist/ops/records.gen.js';

/** The operand at an offset of the arena. */
export const inArena = (offset_bytes: number): number => ((REGION_ARENA << 30) | (offset_bytes / 16)) >>> 0;

/** A plan of these records, without weights. */
export function planOf(
  records: readonly Uint32Array[],
  { arena_bytes, workers = 1, outputs = [] }: { arena_bytes: number; workers?: number; outputs?: Slot[] },
): EncodedPlan {
  let end = HEADER_WORDS + records.length * ENTRY_WORDS;
  const words = new Uint32Array(records.reduce((sum, { length }) => sum + length, end));
  words.set([PLAN_MAGIC, PLAN_VERSION, records.length, workers]);
  for (const [i, record] of records.entries()) {
    words[HEADER_WORDS + i * ENTRY_WORDS] = end;
    words.set(record, end);
    end += record.length;
  }
  return { words, arena_bytes, relocations: [], inputs: [], outputs };
}
