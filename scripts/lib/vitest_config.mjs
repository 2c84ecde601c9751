// What both vitest configurations share: how `gouache` is found, the flags of the child processes, the time limits.
import { hasRelaxedSimd } from './builds.mjs';

// Node itself resolves the package's own name, and vite must not rewrite what is published.
const nativePackage = {
  name: 'gouache-by-its-name',
  enforce: /** @type {const} */ ('pre'),
  /** @param {string} id */
  resolveId(id) {
    return id === 'gouache' || id.startsWith('gouache/')
      ? { id: import.meta.resolve(id), external: /** @type {const} */ (true) }
      : null;
  },
};

export const shared = {
  plugins: [nativePackage],
  test: {
    pool: /** @type {const} */ ('forks'),
    // Node 20 has relaxed SIMD behind a flag: with it, both builds are tested on every supported Node.
    execArgv: hasRelaxedSimd() ? [] : ['--experimental-wasm-relaxed-simd'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
};
