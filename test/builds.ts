/** The builds that must pass the same tests: each of two sets of instructions, for one thread and for several. */
import { Engine, type EngineOptions } from 'gouache';

const SINGLE_BUILDS = ['simd128', 'relaxed-simd'] as const;
const THREADS_BUILDS = ['simd128-threads', 'relaxed-simd-threads'] as const;
export type Build = (typeof SINGLE_BUILDS | typeof THREADS_BUILDS)[number];

/** A file that loops over these runs twice, each time with half of them: vitest.config.ts says why. */
export const BUILDS: readonly Build[] =
  process.env.GOUACHE_TEST_BUILDS === 'threads' ? THREADS_BUILDS : SINGLE_BUILDS;

/** As many threads as a threads build runs where a test asks for no other number: odd, so that tiles divide unevenly. */
const THREADS = 3;

/** An engine of the build that is asked for, and of no other; a threads build runs with one thread too. */
export async function engineOf(
  build: Build,
  threads = build.endsWith('-threads') ? THREADS : 1,
): Promise<Engine> {
  const name = build.startsWith('relaxed-simd') ? 'relaxed-simd' : 'simd128';
  const alone = build.endsWith('-threads') && threads === 1;
  // For one thread the engine itself takes the single build.
  const source: EngineOptions = alone
    ? { wasm: import.meta.resolve(`gouache/wasm/${build}.wasm`) }
    : { build: name };
  const engine = await Engine.create({ ...source, threads });
  const { build: taken, threads: count } = engine.info();
  if (taken !== (alone ? 'custom' : name) || count !== threads)
    throw new Error(`asked for ${build} with ${threads}, got ${taken} with ${count}`);
  return engine;
}
