// A Node newer than the one that runs the tests: 24, from its package in the npm registry. Not for the newest of anything else.
import fs from 'node:fs';
import path from 'node:path';
import { toolsFolder } from '../../scripts/lib/steps.mjs';
import { npm, once, run } from './installed.js';

const MAJOR = 24;

/** A Node that the tests run programs with. */
export interface OtherNode {
  readonly path: string;
  readonly version: string;
}

async function versionOf(file: string): Promise<string | null> {
  if (!fs.existsSync(file)) return null;
  const { code, stdout } = await run(file, ['--version']);
  return code === 0 ? stdout.trim() : null;
}

/**
 * Node 24: this process's own, the one that an earlier run has installed, or one installed now (5 s).
 * @returns the reason, in words, where there is none
 */
export async function newerNode(): Promise<OtherNode | string> {
  if (Number(process.versions.node.split('.')[0]) >= MAJOR)
    return { path: process.execPath, version: process.version };
  const folder = path.join(toolsFolder, `node-${MAJOR}`);
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const file = path.join(
    folder,
    'node_modules',
    name,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  if ((await versionOf(file)) === null) {
    try {
      await once('newer-node', async () => {
        fs.rmSync(folder, { recursive: true, force: true });
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
        await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', `${name}@${MAJOR}`], folder);
      });
    } catch (error) {
      return `${name}@${MAJOR} cannot be installed: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
    }
  }
  const version = await versionOf(file);
  return version === null ? `${file} does not run` : { path: file, version };
}
