// The tests whose models and cases are not in the repository (GOUACHE_DATA names their folder; `npm run test:data`).
import { defineConfig } from 'vitest/config';
import { shared } from './scripts/lib/vitest_config.mjs';

export default defineConfig({
  ...shared,
  test: {
    ...shared.test,
    include: ['test/data/**/*.test.ts'],
  },
});
