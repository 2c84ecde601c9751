// The tests that need nothing from outside the repository. They import the built package by its name, `gouache`.
import { defineConfig } from 'vitest/config';
import { shared } from './scripts/lib/vitest_config.mjs';

export default defineConfig({
  ...shared,
  test: {
    ...shared.test,
    include: ['test/**/*.test.ts'],
    exclude: ['test/data/**', '**/node_modules/**'],
    globalSetup: ['test/package/scratch.ts'],
  },
});
