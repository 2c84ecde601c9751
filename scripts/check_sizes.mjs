// `npm run size`: prints the sizes of the binaries, the JavaScript and the tarball, and fails beyond package.json's limits.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { allBuilds, ensureBuilt } from './lib/ensure.mjs';
import { pack } from './lib/pack.mjs';
import { main, root } from './lib/steps.mjs';

/**
 * @param {import('./lib/pack.mjs').Packed} packed
 * @returns {boolean} whether all are within their limits
 */
export function checkSizes(packed) {
  const { limits_bytes: limits } = JSON.parse(
    fs.readFileSync(path.join(root, 'package.json'), 'utf8'),
  ).gouache;
  const isBinary = /** @param {string} file */ (file) => file.startsWith('dist/wasm/');
  const script = packed.files.filter((file) => file.path.endsWith('.js') && !isBinary(file.path));
  /** @type {[string, number, number][]} */
  const rows = packed.files
    .filter((file) => file.path.endsWith('.wasm'))
    .map((file) => [path.basename(file.path), file.size, limits.wasm]);
  rows.push(['JavaScript without the binaries', script.reduce((sum, file) => sum + file.size, 0), limits.js]);
  rows.push(['tarball', packed.size, limits.tarball]);
  for (const [name, size, limit] of rows) {
    const verdict = size > limit ? `  OVER its limit of ${limit}` : '';
    console.log(`  ${name.padEnd(32)} ${String(size).padStart(9)} bytes${verdict}`);
  }
  return rows.every(([, size, limit]) => size <= limit);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(async () => {
    await ensureBuilt(allBuilds);
    return checkSizes(await pack()) ? 0 : 1;
  });
}
