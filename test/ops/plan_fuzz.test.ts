/**
 * plan_load is fed random and mutated words: it answers with a status, never a trap or a hang; what it accepts runs without a fault, with one
 * worker and with several, and writes nowhere but where its records say. Every run draws mutants of its own; GOUACHE_SEED repeats one.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  PLAN_MAGIC,
  PLAN_VERSION,
  recordOf,
  STATUS_ABORTED,
  STATUS_DONE,
  STATUS_FAULT,
  STATUS_MORE,
} from '../../dist/ops/records.gen.js';
import { random } from './array.js';
import { BUILDS, encodedPlans, instanceOf, RawPlan } from './raw_plan.js';
import { Team } from './raw_team.js';
import { strayWrite, writable } from './writable.js';

const SEED = Number(process.env.GOUACHE_SEED ?? Math.floor(Math.random() * 2 ** 32));
console.log(`GOUACHE_SEED=${SEED} repeats these mutants`);

/** Mutants of each plan. */
const ROUNDS = 3000;
/** Workers of a threads build, at most. */
const WORKERS = 3;
/** A mutant may ask for many small tiles; these are enough to see each of its first ones run. */
const TILES = 200;
/** Calls of a run, each of which ends at a record's end at the latest. A plan that has not ended by then is aborted. */
const CALLS = 64;
const EDGES = [
  0, 1, 2, 3, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000, 0x4000_0000, 0x4fff_ffff, 0x8fff_ffff,
];

const BASES: readonly number[] = [
  HEADER.arenaBase,
  HEADER.arenaBlocks,
  HEADER.weightsBase,
  HEADER.weightsBlocks,
];

function mutate(words: Uint32Array, next: () => number): void {
  const place = Math.floor(next() * words.length);
  const old = words[place] ?? 0;
  const ways = [
    () => next() * 2 ** 32,
    () => EDGES[Math.floor(next() * EDGES.length)] ?? 0,
    () => old + 1,
    () => old - 1,
    () => old * 2,
    () => old ^ (1 << Math.floor(next() * 32)),
    () => words[Math.floor(next() * words.length)] ?? 0,
    () => Math.floor(next() * 64),
  ];
  words[place] = ways[Math.floor(next() * ways.length)]?.() ?? 0;
}

/** A seed of each test's own. */
const seedOf = (text: string): number =>
  [...text].reduce((seed, c) => Math.imul(seed, 31) + c.charCodeAt(0), SEED);

describe.each(BUILDS)('%s', (build) => {
  const plans = encodedPlans(WORKERS);

  test.each(plans)('mutants of $name', async ({ name, encoded, weightBytes }) => {
    const instance = await instanceOf(build);
    const plan = new RawPlan(instance, encoded, weightBytes);
    // Their stacks lie behind the plan.
    const team = instance.shared ? await Team.of(build, instance, WORKERS - 1, TILES) : null;
    onTestFinished(() => team?.disband());
    const next = random(seedOf(build + name));
    const counts = { accepted: 0, refused: 0, calls: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const where = `GOUACHE_SEED=${SEED}, round ${round}`;
      plan.reset({ numbers: round % 50 === 0 });
      const mutations = 1 + Math.floor(next() * 3);
      for (let i = 0; i < mutations; i++) mutate(plan.words, next);
      const trusted = BASES.map((word) => plan.words[word]);
      const status = plan.load();
      expect([STATUS_DONE, STATUS_FAULT], where).toContain(status);
      // Where the regions lie is not the plan's to say: with the right ones, what is accepted must run.
      plan.setBases();
      const moved = BASES.some((word, i) => plan.words[word] !== trusted[i]);
      if ((moved ? plan.load() : status) !== STATUS_DONE) {
        counts.refused++;
        continue;
      }
      counts.accepted++;
      const workers =
        team === null ? 1 : Math.min(1 + Math.floor(next() * WORKERS), plan.words[HEADER.workers] ?? 1);
      expect(plan.start(workers), where).toBe(STATUS_DONE);
      const before = plan.memory.slice();
      // A call ends at a record's end too: on, to those that hold what was changed.
      let ran: number = STATUS_MORE;
      const work = () => {
        for (let call = 0; call < CALLS && ran === STATUS_MORE; call++) {
          ran = plan.run(TILES);
          counts.calls++;
        }
        if (ran === STATUS_MORE) plan.abort();
      };
      let others: number[] = [];
      if (team === null) work();
      else others = team.run(plan, workers, work);
      const ends = ran === STATUS_MORE ? [STATUS_DONE, STATUS_ABORTED] : [STATUS_DONE];
      expect([STATUS_DONE, STATUS_MORE], where).toContain(ran);
      for (const other of others) expect(ends, where).toContain(other);
      const ranges = writable(plan.words, plan.address);
      expect(strayWrite(before, plan.memory, plan.guard, ranges), `${where}: written`).toBeNull();
    }
    // Most of what is accepted runs to its end.
    const records = encoded.words[HEADER.records] ?? Number.NaN;
    expect(counts.calls).toBeGreaterThan((counts.accepted * Math.min(records, CALLS)) / 2);
    expect(counts.accepted).toBeGreaterThan(ROUNDS / 100);
    expect(counts.refused).toBeGreaterThan(ROUNDS / 100);
  });

  test('plans hold every record', () => {
    const held = new Set(
      plans.flatMap(({ encoded: { words } }) =>
        Array.from({ length: words[HEADER.records] ?? 0 }, (_, record) => {
          const start = words[HEADER_WORDS + record * ENTRY_WORDS] ?? 0;
          return words[start] ?? 0;
        }),
      ),
    );
    const codes = Array.from({ length: 64 }, (_, code) => code).filter(
      (code) => recordOf(code) !== undefined,
    );
    expect(codes.filter((code) => !held.has(code))).toEqual([]);
  });

  test('random words', async () => {
    const [first] = plans;
    if (first === undefined) throw new Error('no plan');
    const plan = new RawPlan(await instanceOf(build), first.encoded, first.weightBytes);
    const next = random(seedOf(build));
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < plan.words.length; i++)
        plan.words[i] = next() < 0.5 ? next() * 2 ** 32 : next() * 64;
      if (round % 2 === 0) plan.setBases();
      if (round % 4 < 2) plan.words.set([PLAN_MAGIC, PLAN_VERSION, 1 + (round % 3), 1]);
      if (round % 8 < 4) plan.words[HEADER_WORDS] = HEADER_WORDS + 9;
      expect(plan.load(), `GOUACHE_SEED=${SEED}, round ${round}`).toBe(STATUS_FAULT);
    }
  });
});
