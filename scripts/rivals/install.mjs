// What `npm run bench` needs beside gouache: the rivals, by this folder's own lock file, and other Nodes. Installed on first use.
import { ensureNodePackages } from '../lib/node_packages.mjs';
import { nodeOf } from '../lib/other_node.mjs';
import { StepError } from '../lib/steps.mjs';

/**
 * Installs the rivals; half a gigabyte, since their packages hold every platform's binaries.
 * @returns {Promise<string | null>} why they can't be had, in words
 */
export async function ensureRivals() {
  try {
    await ensureNodePackages(import.meta.dirname, 'Installing the rivals (npm ci in scripts/rivals)');
    return null;
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return error.message.split('\n')[0] ?? '';
  }
}

/**
 * @param {number} major
 * @returns {Promise<{ path: string, version: string } | string>} why there is none, in words
 */
export async function ensureNode(major) {
  try {
    return await nodeOf(major);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return error.message;
  }
}
