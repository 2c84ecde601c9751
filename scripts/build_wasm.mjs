// `node scripts/build_wasm.mjs [builds...]`: the WebAssembly builds alone, all four by default.
import { allBuilds } from './lib/ensure.mjs';
import { main } from './lib/steps.mjs';
import { ensureWasm } from './lib/wasm.mjs';

await main(async () => {
  const names = process.argv.slice(2);
  await ensureWasm(names.length > 0 ? names : allBuilds);
});
