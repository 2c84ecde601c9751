// The tests that need nothing from outside the repository. They import the built package by its name, `gouache`.
import { defineConfig } from 'vitest/config';
import { asModules, shared } from './scripts/lib/vitest_config.mjs';

/** Tests that import insides of the package beside the package. */
const insides = [
  'test/bench/bench.test.ts',
  'test/graph/*.test.ts',
  'test/nn/options.test.ts',
  'test/ops/plan_fuzz.test.ts',
  'test/ops/slices.test.ts',
  'test/runtime/*.test.ts',
  'test/threads/crash.test.ts',
];

export default defineConfig({
  test: {
    globalSetup: ['test/package/scratch.ts'],
    projects: [
      {
        ...shared,
        test: {
          ...shared.test,
          name: 'published',
          include: ['test/**/*.test.ts'],
          exclude: ['test/data/**', '**/node_modules/**', ...insides],
        },
      },
      { plugins: [asModules], test: { ...shared.test, name: 'modules', include: insides } },
    ],
  },
});
