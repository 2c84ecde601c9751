// `npm run size`: prints the sizes of the binaries, the JavaScript, the tarball and a page's download, and fails beyond package.json's limits.
// With `--parts` also what each part of the download takes, for which one build is compiled once more, with names.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { allBuilds, ensureBuilt } from './lib/ensure.mjs';
import { pack } from './lib/pack.mjs';
import { partsOfBinary, partsOfScript } from './lib/parts.mjs';
import { main, root } from './lib/steps.mjs';

/** With threads, and what every Node reads: Node 20 has no relaxed SIMD. */
const PARTS_OF = 'simd128-threads';

/**
 * @param {import('./lib/pack.mjs').Packed} packed
 * @returns {Promise<boolean>} whether all are within their limits
 */
export async function checkSizes(packed) {
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
  const { gouacheDownload } = await import(pathToFileURL(path.join(root, 'dist/bench/downloads.js')).href);
  const { wasm_bytes, script_bytes } = await gouacheDownload(root);
  rows.push(["a page's download, gzipped", wasm_bytes + script_bytes, limits.download_gzipped]);
  for (const [name, size, limit] of rows) {
    const verdict = size > limit ? `  OVER its limit of ${limit}` : '';
    console.log(`  ${name.padEnd(32)} ${String(size).padStart(9)} bytes${verdict}`);
  }
  return rows.every(([, size, limit]) => size <= limit);
}

async function printParts() {
  const tables = [
    { title: 'JavaScript, minified', parts: await partsOfScript() },
    { title: `${PARTS_OF}.wasm, and gzipped alone`, parts: await partsOfBinary(PARTS_OF) },
  ];
  for (const { title, parts } of tables) {
    console.log(`\n${title}`);
    for (const [name, size, gzipped] of parts)
      console.log(
        `  ${name.padEnd(32)} ${String(size).padStart(9)}${gzipped === null ? '' : ` ${String(gzipped).padStart(9)}`}`,
      );
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(async () => {
    await ensureBuilt(allBuilds);
    const fit = await checkSizes(await pack());
    if (process.argv.includes('--parts')) await printParts();
    return fit ? 0 : 1;
  });
}
