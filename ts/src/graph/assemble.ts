/** Puts records together into the words of a plan: header, directory, records, and where its weight operands are. */
import { OutOfMemoryError } from '../errors.js';
import type { Operand, RecordWords } from '../ops/descriptor.js';
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  PLAN_MAGIC,
  PLAN_VERSION,
  RECORD_HEAD_WORDS,
  REGION_ARENA,
  REGION_WEIGHTS,
  recordOf,
} from '../ops/records.gen.js';
import type { Relocation } from './plan.js';

const BLOCK_BYTES = 16;
/** In 4 GiB, the most memory there is. */
const OFFSETS = 2 ** 32 / BLOCK_BYTES;

function word(region: number, block: number): Operand {
  return ((region << 30) | block) >>> 0;
}

/** The operand of an arena offset. @throws {@link OutOfMemoryError} beyond 4 GiB */
export function arenaOperand(offset_bytes: number): Operand {
  const block = offset_bytes / BLOCK_BYTES;
  if (block < OFFSETS) return word(REGION_ARENA, block);
  throw new OutOfMemoryError('the plan is larger than 4 GiB', {
    wantedBytes: offset_bytes,
    largestSide: null,
    hint: 'Use a smaller picture.',
  });
}

/** The operand of the beginning of a packed weight, before relocation. */
const WEIGHT_START = word(REGION_WEIGHTS, 0);

export interface RelocatableRecord {
  readonly words: RecordWords;
  /** Relative to the record. */
  readonly relocations: readonly Relocation[];
}

/** Stands for weight `index` until it is known where that lies. */
export function standIn(index: number): Operand {
  return word(REGION_WEIGHTS, 1 + index);
}

/** Finds the operands of records that are stand-ins for weights. */
export function relocatable(words: RecordWords): RelocatableRecord {
  const relocations: Relocation[] = [];
  recordOf(words[0] ?? 0)?.isOperand.forEach((isOperand, field) => {
    const at = RECORD_HEAD_WORDS + field;
    const operand = words[at] ?? 0;
    if (!isOperand || operand >>> 30 !== REGION_WEIGHTS) return;
    relocations.push({ word: at, weight: operand - standIn(0) });
    words[at] = WEIGHT_START;
  });
  return { words, relocations };
}

/** The whole plan. Region bases are left 0: the host knows them. */
export function assemble(
  records: readonly RelocatableRecord[],
  options: { readonly workers: number; readonly arena_bytes: number },
): { words: Uint32Array<ArrayBuffer>; relocations: Relocation[] } {
  const body = HEADER_WORDS + records.length * ENTRY_WORDS;
  const total = records.reduce((sum, { words }) => sum + words.length, body);
  const words = new Uint32Array(total);
  const relocations: Relocation[] = [];
  words[HEADER.magic] = PLAN_MAGIC;
  words[HEADER.version] = PLAN_VERSION;
  words[HEADER.records] = records.length;
  words[HEADER.workers] = options.workers;
  words[HEADER.arenaBlocks] = Math.ceil(options.arena_bytes / BLOCK_BYTES);
  let offset = body;
  records.forEach((record, index) => {
    words[HEADER_WORDS + index * ENTRY_WORDS] = offset;
    words.set(record.words, offset);
    for (const { word: at, weight } of record.relocations) relocations.push({ word: offset + at, weight });
    offset += record.words.length;
  });
  return { words, relocations };
}
