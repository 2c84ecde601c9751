// Runs `npm ci` where node_modules/ is missing or older than the lock file.
import fs from 'node:fs';
import path from 'node:path';
import { root, step } from './steps.mjs';

/** npm writes this file last. */
const INSTALLED = 'node_modules/.package-lock.json';

export async function ensureNodePackages() {
  const installed = path.join(root, INSTALLED);
  if (fs.existsSync(installed)) {
    if (fs.statSync(installed).mtimeMs >= fs.statSync(path.join(root, 'package-lock.json')).mtimeMs) return;
  }
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  await step('npm ci', command, [...first, 'ci', '--no-audit', '--no-fund']);
}
