/** What the wasm edge refuses before any record is looked at, and plans that lie where they should not: a status, never a trap or a hang. */
import { describe, expect, test } from 'vitest';
import type { EncodedPlan } from '../../dist/graph/plan.js';
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  packBias,
  STATUS_DONE,
  STATUS_FAULT,
  STATUS_MORE,
} from '../../dist/ops/records.gen.js';
import type { Instance } from '../../dist/runtime/instance.js';
import { BUILDS, instanceOf, RawPlan, WHOLE } from './raw_plan.js';
import { inArena, planOf } from './raw_records.js';

const RECORDS = 2;
const ARENA_BYTES = 64;

/** Two copies of a float to four, and no weights. */
function twoCopies(workers = 1): EncodedPlan {
  const copy = packBias({ src: inArena(0), y: inArena(16), c: 1, paddedC: 4 });
  return planOf(
    Array.from({ length: RECORDS }, () => copy),
    { arena_bytes: ARENA_BYTES, workers },
  );
}

/** The `y` of record `index`: behind code, words and scratch comes `src`, then `y`. */
const targetOf = (words: Uint32Array, index: number) => (words[HEADER_WORDS + index * ENTRY_WORDS] ?? 0) + 5;

describe.each(BUILDS)('%s', (build) => {
  const make = async (workers = 1): Promise<{ instance: Instance; plan: RawPlan }> => {
    const instance = await instanceOf(build);
    return { instance, plan: new RawPlan(instance, twoCopies(workers), []) };
  };

  test('the plan runs where it belongs, also without weights', async () => {
    const { plan } = await make();
    expect([plan.load(), plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE, STATUS_DONE]);
    plan.words.set([0, 0], HEADER.weightsBase);
    expect([plan.load(), plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE, STATUS_DONE]);
  });

  test('regions reach neither below the heap nor past the memory', async () => {
    const { instance, plan } = await make();
    const below = Math.floor((instance.exports.heap_base() - 1) / 16) * 16;
    const end = instance.memory.buffer.byteLength;
    for (const [base, blocks] of [
      [HEADER.arenaBase, HEADER.arenaBlocks],
      [HEADER.weightsBase, HEADER.weightsBlocks],
    ] as const) {
      for (const address of [0, 1024, below, end - 16, end, 0xfffffff0]) {
        plan.reset();
        plan.words[base] = address;
        plan.words[blocks] = ARENA_BYTES / 16;
        expect(plan.load(), `region at ${address}`).toBe(STATUS_FAULT);
      }
      plan.reset();
      plan.words[base] = (plan.words[base] ?? 0) + 4;
      expect(plan.load(), 'region not aligned').toBe(STATUS_FAULT);
    }
    plan.reset();
    expect(plan.load()).toBe(STATUS_DONE);
  });

  test('a plan below the heap is refused', async () => {
    const { instance, plan } = await make();
    const low = new Uint32Array(instance.memory.buffer, 1024, plan.words.length);
    low.set(plan.words);
    expect(instance.exports.plan_load(low.byteOffset, low.length)).toBe(STATUS_FAULT);
  });

  test('a region may lie around the plan, but no operand in it', async () => {
    const { plan } = await make();
    const around = () => {
      plan.reset();
      plan.words[HEADER.arenaBase] = plan.address - ARENA_BYTES;
      plan.words[HEADER.arenaBlocks] = ARENA_BYTES / 16 + Math.ceil(plan.words.length / 4);
    };
    around();
    expect([plan.load(), plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE, STATUS_DONE]);
    // The first record's result would be the second record.
    around();
    const second_bytes = Math.floor((plan.words[HEADER_WORDS + ENTRY_WORDS] ?? 0) / 4) * 16;
    plan.words[targetOf(plan.words, 0)] = inArena(ARENA_BYTES + second_bytes);
    expect(plan.load()).toBe(STATUS_FAULT);
    expect([plan.words[HEADER.faultRecord], plan.words[HEADER.faultField]]).toEqual([0, 1]);
  });

  test('words that end before the header does are refused by every call', async () => {
    const { instance, plan } = await make();
    expect([plan.load(), plan.start()]).toEqual([STATUS_DONE, STATUS_DONE]);
    const { plan_load, plan_start, plan_run } = instance.exports;
    for (let words = 0; words < HEADER_WORDS; words++) {
      expect(plan_load(plan.address, words)).toBe(STATUS_FAULT);
      expect(plan_start(plan.address, words, 1)).toBe(STATUS_FAULT);
      expect(plan_run(plan.address, words, 1, 0)).toBe(STATUS_FAULT);
    }
  });

  test('no more workers start than there is room for, and one in a build without threads', async () => {
    const { plan } = await make(2);
    expect(plan.load()).toBe(STATUS_DONE);
    const most = build.endsWith('-threads') ? 2 : 1;
    for (const workers of [0, most + 1, 64, 0xffffffff]) expect(plan.start(workers)).toBe(STATUS_FAULT);
    expect(plan.start(most)).toBe(STATUS_DONE);
    expect([plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE]);
  });

  test('an offset beyond 4 GiB is refused, and so is a budget of no tiles', async () => {
    const { plan } = await make();
    for (const bit of [28, 29]) {
      plan.reset();
      const at = targetOf(plan.words, 0);
      plan.words[at] = (plan.words[at] ?? 0) | (1 << bit);
      expect(plan.load(), `bit ${bit}`).toBe(STATUS_FAULT);
      expect([plan.words[HEADER.faultRecord], plan.words[HEADER.faultField]]).toEqual([0, 1]);
    }
    plan.reset();
    expect([plan.load(), plan.start(), plan.run(0)]).toEqual([STATUS_DONE, STATUS_DONE, STATUS_FAULT]);
    expect([plan.words[HEADER.faultGot], plan.words[HEADER.faultWanted]]).toEqual([0, 1]);
    expect([plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE]);
  });

  test('a plan that was loaded anew does not run before it is started', async () => {
    const { plan } = await make();
    expect([plan.load(), plan.run(1)]).toEqual([STATUS_DONE, STATUS_FAULT]);
    expect([plan.load(), plan.start(), plan.run(1)]).toEqual([STATUS_DONE, STATUS_DONE, STATUS_MORE]);
    expect([plan.load(), plan.run(1)]).toEqual([STATUS_DONE, STATUS_FAULT]);
    expect([plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE]);
    plan.words[targetOf(plan.words, 1)] = 0;
    expect([plan.load(), plan.run(1)]).toEqual([STATUS_FAULT, STATUS_FAULT]);
  });
});
