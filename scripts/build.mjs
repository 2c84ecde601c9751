// `npm run build [builds...]`: everything, or the named WebAssembly builds and the JavaScript.
import { allBuilds, ensureBuilt } from './lib/ensure.mjs';
import { main } from './lib/steps.mjs';

await main(async () => {
  const names = process.argv.slice(2);
  await ensureBuilt(names.length > 0 ? names : allBuilds);
});
