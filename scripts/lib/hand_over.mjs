// Runs a built program in the folder that the user called npm from, so that relative paths mean what they say.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { root } from './steps.mjs';

/**
 * @param {string} program relative to the repository
 * @param {readonly string[]} args
 * @returns {Promise<number>} its exit code
 */
export function handOver(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, program), ...args], {
      cwd: process.env.INIT_CWD ?? process.cwd(),
      stdio: 'inherit',
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
