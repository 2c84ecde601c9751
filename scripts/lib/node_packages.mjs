// Runs `npm ci` where a folder's node_modules/ is missing or older than its lock file.
import fs from 'node:fs';
import path from 'node:path';
import { root, step } from './steps.mjs';

/** npm writes this file last. */
const INSTALLED = 'node_modules/.package-lock.json';

/** @returns {[string, string[]]} the npm that runs this script, or that of the path */
export function npmCommand() {
  const npm = process.env.npm_execpath;
  return npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
}

/**
 * @param {string} [folder] the repository's by default
 * @param {string} [title]
 */
export async function ensureNodePackages(folder = root, title = 'npm ci') {
  const installed = path.join(folder, INSTALLED);
  if (fs.existsSync(installed)) {
    if (fs.statSync(installed).mtimeMs >= fs.statSync(path.join(folder, 'package-lock.json')).mtimeMs) return;
  }
  const [command, first] = npmCommand();
  await step(title, command, [...first, 'ci', '--no-audit', '--no-fund'], { cwd: folder });
}
