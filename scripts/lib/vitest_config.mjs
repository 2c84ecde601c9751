// What both vitest configurations share: how `gouache` is found, the flags of the child processes, the time limits.
import { hasRelaxedSimd } from './builds.mjs';

/**
 * Node itself resolves the package's own name, and vite must not rewrite what is published.
 * @param {(id: string) => string} addressOf
 */
const native = (addressOf) => ({
  name: 'gouache-by-its-name',
  enforce: /** @type {const} */ ('pre'),
  /** @param {string} id */
  resolveId(id) {
    return id === 'gouache' || id.startsWith('gouache/')
      ? { id: addressOf(id), external: /** @type {const} */ (true) }
      : null;
  },
});

const asPublished = native((id) => import.meta.resolve(id));
/** The modules that the published files are bundled from: for tests that import some of their insides too, which must be of the same classes. */
export const asModules = native(
  (id) => new URL(`../../dist${id.slice('gouache'.length)}/index.js`, import.meta.url).href,
);

export const shared = {
  plugins: [asPublished],
  test: {
    pool: /** @type {const} */ ('forks'),
    // Node 20 has relaxed SIMD behind a flag: with it, both builds are tested on every supported Node.
    execArgv: hasRelaxedSimd() ? [] : ['--experimental-wasm-relaxed-simd'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
};
