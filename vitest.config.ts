// The tests that need nothing from outside the repository. They import the built package by its name, `gouache`.
//
// Files run two at a time with the builds for one thread. Those that are about threads, or drive a browser, then run one at a time: three
// threads on two cores are enough. A file that loops over `BUILDS` of test/builds.ts runs both times.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { filesUnder } from './scripts/lib/stamps.mjs';
import { asModules, shared } from './scripts/lib/vitest_config.mjs';

/** Tests that import insides of the package beside the package. */
const INSIDES =
  /^test\/(bench|graph|runtime)\/|^test\/(cli\/profiles|nn\/options|ops\/plan_fuzz|ops\/slices|threads\/crash)\.test/;
const NEEDS_THE_MACHINE = /^test\/threads\/|\.browser\.test\.ts$/;
const LOOPS_OVER_BUILDS = /^import \{[^}]*\bBUILDS\b/m;

const files = filesUnder(['test']).filter(
  (file) => file.endsWith('.test.ts') && !file.startsWith('test/data/'),
);
const single = files.filter((file) => !NEEDS_THE_MACHINE.test(file));
const threads = files.filter(
  (file) => NEEDS_THE_MACHINE.test(file) || LOOPS_OVER_BUILDS.test(readFileSync(file, 'utf8')),
);

const projects = [
  { name: 'single', maxWorkers: 2, include: single },
  { name: 'threads', maxWorkers: 1, include: threads },
].flatMap(({ name, maxWorkers, include }, groupOrder) =>
  [
    { ...shared, inside: false },
    { plugins: [asModules], inside: true },
  ].map(({ plugins, inside }) => ({
    plugins,
    test: {
      ...shared.test,
      name: inside ? `${name}, modules` : name,
      include: include.filter((file) => INSIDES.test(file) === inside),
      env: { GOUACHE_TEST_BUILDS: name },
      maxWorkers,
      sequence: { groupOrder },
    },
  })),
);

export default defineConfig({ test: { globalSetup: ['test/package/scratch.ts'], projects } });
