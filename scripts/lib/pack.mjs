// Packs the package as npm would publish it, into .tools/pack/.
import fs from 'node:fs';
import path from 'node:path';
import { ask, root, StepError, toolsFolder } from './steps.mjs';

/**
 * @typedef {object} Packed
 * @property {string} tarball its path
 * @property {number} size bytes
 * @property {{ path: string, size: number }[]} files
 */

/** @returns {Promise<Packed>} */
export async function pack() {
  const folder = path.join(toolsFolder, 'pack');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const text = await ask('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  if (text === null) throw new StepError('npm pack failed');
  const parsed = JSON.parse(text);
  // npm 11 lists packages, later ones key them by name.
  const [entry] = Array.isArray(parsed) ? parsed : Object.values(parsed);
  return { tarball: path.join(folder, entry.filename), size: entry.size, files: entry.files };
}
