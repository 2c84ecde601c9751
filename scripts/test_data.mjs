// `npm run test:data`: the tests whose models and cases are not in the repository; GOUACHE_DATA names their folder.
import fs from 'node:fs';
import path from 'node:path';
import { allBuilds, ensureBuilt } from './lib/ensure.mjs';
import { main, StepError } from './lib/steps.mjs';
import { runVitest } from './lib/vitest.mjs';

await main(async () => {
  const folder = process.env.GOUACHE_DATA;
  if (!folder || !fs.existsSync(folder)) {
    throw new StepError(
      `GOUACHE_DATA must name the folder of models and cases; it is ${folder ? `'${folder}'` : 'not set'}`,
    );
  }
  await ensureBuilt(allBuilds);
  const { passed, failed, skipped } = await runVitest('vitest.data.config.ts', process.argv.slice(2), {
    ...process.env,
    GOUACHE_DATA: path.resolve(folder),
  });
  console.log(
    `${passed} passed, ${failed + skipped} failed${skipped > 0 ? ` (${skipped} of them skipped)` : ''}`,
  );
  return failed + skipped > 0 ? 1 : 0;
});
