// `npm test`: sets up and builds everything, then tests the kernels, the package, and the packed tarball in a browser.
//
// `npm test -- <vitest's arguments>` runs vitest alone. The environment tells the tests where the tarball
// (GOUACHE_TARBALL) and the browser (GOUACHE_BROWSER) are; files named *.browser.test.ts need the browser.

import { checkSizes } from './check_sizes.mjs';
import { ensureBrowser } from './lib/browser.mjs';
import { runCargoTest } from './lib/cargo_test.mjs';
import { allBuilds, ensureBuilt } from './lib/ensure.mjs';
import { pack } from './lib/pack.mjs';
import { main } from './lib/steps.mjs';
import { runVitest } from './lib/vitest.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  await ensureBuilt(allBuilds);
  const browser = await ensureBrowser();
  const cargo = args.length === 0 ? await runCargoTest() : { passed: 0, failed: 0, skipped: 0 };
  console.log('- Packing the package');
  const packed = await pack();
  const sizesFit = await checkSizes(packed);
  const vitest = await runVitest(
    'vitest.config.ts',
    browser === null ? ['--exclude', '**/*.browser.test.ts', ...args] : args,
    { ...process.env, GOUACHE_TARBALL: packed.tarball, GOUACHE_BROWSER: browser ?? '' },
  );
  let passed = cargo.passed + vitest.passed;
  let failed = cargo.failed + vitest.failed;
  const skipped = cargo.skipped + vitest.skipped;
  if (sizesFit) passed += 1;
  else {
    failed += 1;
    console.log('FAILED: a size is over its limit (above; package.json, gouache.limits_bytes)');
  }
  if (skipped > 0) console.log(`SKIPPED: ${skipped} tests`);
  if (browser === null) {
    console.log(
      'NOT RUN: the browser tests (no Chrome, Chromium or Edge was found; GOUACHE_BROWSER may name one)',
    );
    if (process.env.CI) failed += 1;
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
});
