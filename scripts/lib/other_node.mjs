// Another Node than the running one, from its package in the npm registry: the binary lies in the package, and takes 5 s to install.
import fs from 'node:fs';
import path from 'node:path';
import { npmCommand } from './node_packages.mjs';
import { ask, run, StepError, toolsFolder } from './steps.mjs';

/** @param {string} file */
async function versionOf(file) {
  return fs.existsSync(file) ? await ask(file, ['--version']) : null;
}

/**
 * A Node of this major version: the running one, the one that an earlier call has installed, or one installed now.
 * @param {number} major
 * @returns {Promise<{ path: string, version: string }>}
 * @throws {StepError} where there is none
 */
export async function nodeOf(major) {
  if (Number(process.versions.node.split('.')[0]) === major)
    return { path: process.execPath, version: process.version };
  const folder = path.join(toolsFolder, `node-${major}`);
  const windows = process.platform === 'win32';
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`;
  const file = path.join(folder, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node');
  if ((await versionOf(file)) === null) {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
    const [command, first] = npmCommand();
    const args = [...first, 'install', '--no-audit', '--no-fund', '--ignore-scripts', `${name}@${major}`];
    const { code, output } = await run(command, args, { cwd: folder });
    if (code !== 0) {
      const why = output.split('\n').find((line) => line !== '') ?? '';
      throw new StepError(`${name}@${major} cannot be installed: ${why}`);
    }
  }
  const version = await versionOf(file);
  if (version === null) throw new StepError(`${file} does not run`);
  return { path: file, version };
}
