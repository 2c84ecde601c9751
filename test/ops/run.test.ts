/** The one runner: every op against its naive version, on all builds, with several numbers of threads, fused and not, over odd sizes and seeds. */
import type { Engine } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILDS, engineOf } from '../builds.js';
import * as binary from './binary.js';
import { type Cases, mismatch, type OpCase } from './case.js';
import * as chains from './chains.js';
import * as concat from './concat.js';
import * as convTranspose2d from './conv_transpose2d.js';
import * as conv2d from './conv2d.js';
import * as matmul from './matmul.js';
import * as normalize from './normalize.js';
import * as pad from './pad.js';
import * as parameter from './parameter.js';
import * as permute from './permute.js';
import * as reduce from './reduce.js';
import * as slice from './slice.js';
import * as unary from './unary.js';
import * as view from './view.js';
import * as where from './where.js';

const ENGINES = BUILDS.flatMap((build) =>
  (build.endsWith('-threads') ? [1, 2, 3] : [1]).map((threads) => ({ build, threads })),
);
const SEEDS = [1, 2];
const OPS = {
  conv2d,
  conv_transpose2d: convTranspose2d,
  normalize,
  reduce,
  pad,
  binary,
  unary,
  view,
  where,
  parameter,
  permute,
  slice,
  concat,
  matmul,
  chains,
} as const satisfies Readonly<Record<string, { readonly cases: Cases }>>;
type Op = keyof typeof OPS;

const RUNS = (Object.keys(OPS) as Op[]).flatMap((op) =>
  SEEDS.flatMap((seed) => [true, false].map((fuse) => ({ op, seed, fuse }))),
);

/** The naive versions run once for all builds. */
const known = new Map<string, readonly OpCase[]>();
function casesOf(op: Op, seed: number): readonly OpCase[] {
  const key = `${op} ${seed}`;
  const cases = known.get(key) ?? OPS[op].cases(seed);
  known.set(key, cases);
  return cases;
}

describe.each(ENGINES)('$build, threads: $threads', ({ build, threads }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build, threads);
  });
  afterAll(() => engine?.dispose());

  test.each(RUNS)('$op, seed $seed, fuse $fuse', async ({ op, seed, fuse }) => {
    const failures: string[] = [];
    const cases = casesOf(op, seed);
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) {
      const got = await engine.run(one.target, one.inputs, { fuse });
      const wrong = mismatch(got, one);
      if (wrong !== null) failures.push(`${op} ${one.name}, seed ${seed}: ${wrong}`);
    }
    expect(failures).toEqual([]);
  });
});
