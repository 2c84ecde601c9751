// Content hashes that say whether a product is still that of its sources. Modification times lie after a checkout.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { root, toolsFolder } from './steps.mjs';

/**
 * Every file under the given files and folders, relative to the repository, sorted.
 * @param {readonly string[]} places
 */
export function filesUnder(places) {
  /** @type {string[]} */
  const found = [];
  for (const place of places) {
    const absolute = path.join(root, place);
    if (!fs.existsSync(absolute)) continue;
    if (fs.statSync(absolute).isFile()) {
      found.push(place);
      continue;
    }
    for (const entry of fs.readdirSync(absolute, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) found.push(path.relative(root, path.join(entry.parentPath, entry.name)));
    }
  }
  return found.sort();
}

/** @param {readonly string[]} places */
export function hashOf(places) {
  const hash = createHash('sha256');
  for (const file of filesUnder(places)) {
    const bytes = fs.readFileSync(path.join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** @param {string} name */
const stampFile = (name) => path.join(toolsFolder, 'stamps', name);

/**
 * Whether the product was made from these sources and its files are still there.
 * @param {string} name
 * @param {string} hash
 * @param {readonly string[]} products
 */
export function isFresh(name, hash, products) {
  const file = stampFile(name);
  return (
    fs.existsSync(file) &&
    fs.readFileSync(file, 'utf8') === hash &&
    products.every((product) => fs.existsSync(path.join(root, product)))
  );
}

/**
 * @param {string} name
 * @param {string} hash
 */
export function setFresh(name, hash) {
  fs.mkdirSync(path.dirname(stampFile(name)), { recursive: true });
  fs.writeFileSync(stampFile(name), hash);
}
