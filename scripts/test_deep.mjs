// `npm run test:deep`: what takes too long for every run, or a sanitizer. Memory ordering under ThreadSanitizer, mutants of plans under
// AddressSanitizer, and the kernels' tests compiled as they are published, where overflow wraps.
//
// Mutants are others in every run; GOUACHE_FUZZ=<seed>,<mutants of a plan> repeats them.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { runCargoTest } from './lib/cargo_test.mjs';
import { mustSeeRaces, racesIn, sanitizer } from './lib/sanitizer.mjs';
import { main, root } from './lib/steps.mjs';

const OPS = fs
  .readdirSync(path.join(root, 'crates/kernels/src/ops'))
  .filter((file) => file.endsWith('.rs'))
  .map((file) => path.basename(file, '.rs'));
/** Tests of the executor and of every op but the convolutions, which are slow under a sanitizer. */
const LIGHT = [
  ...['plan::', 'micro::', 'mem::'],
  ...OPS.filter((op) => !/^conv(2d|_|$)/.test(op)).map((op) => `ops::${op}::`),
];
/** And those of the convolutions that run with several workers and each kind of fusion. */
const ORDERED = [...LIGHT, 'tiles_do_not_change_bits', 'transposed_output_padding', 'infinities'];
/** Mutants are bounded by the plans that they come from. */
const MUTATED = [
  ...LIGHT,
  ...[
    'ops::conv2d',
    'ops::conv_depthwise',
    'ops::conv_transpose2d',
    'ops::conv_winograd::tests::few_outputs',
    'transposed_output_padding',
  ],
];

const FUZZ = process.env.GOUACHE_FUZZ ?? `${crypto.randomInt(2 ** 32)},20`;

await main(async () => {
  let [passed, failed] = [0, 0];
  /** @param {{ passed: number, failed: number, skipped: number }} counts */
  const count = (counts) => {
    passed += counts.passed;
    // A filter that finds no test has tested nothing.
    failed += counts.failed + counts.skipped + (counts.passed === 0 ? 1 : 0);
  };
  /** @param {string} what @param {string} why */
  const notRun = (what, why) => {
    console.log(`NOT RUN: ${what} (${why})`);
    if (process.env.CI) failed += 1;
  };

  const thread = await sanitizer('thread');
  if (typeof thread === 'string') notRun('memory ordering', thread);
  else {
    await mustSeeRaces(thread);
    const args = [...thread.args, '--', ...ORDERED];
    const counts = await runCargoTest({ title: 'ThreadSanitizer', args, env: thread.env });
    count(counts);
    const races = racesIn(counts.output, 'gouache_kernels::');
    if (races.length === 0) passed += 1;
    else failed += 1;
    if (races.length > 0) console.log(`FAILED: ${races.length} data races, the first:\n${races[0]}`);
  }

  const address = await sanitizer('address');
  if (typeof address === 'string') notRun('AddressSanitizer', address);
  const { args, env } = typeof address === 'string' ? { args: ['--lib'], env: {} } : address;
  count(
    await runCargoTest({
      title: `mutants, GOUACHE_FUZZ=${FUZZ}`,
      args: [...args, '--', ...MUTATED],
      env: { ...env, GOUACHE_FUZZ: FUZZ },
    }),
  );

  count(await runCargoTest({ title: 'release', args: ['--lib', '--release'] }));
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
});
