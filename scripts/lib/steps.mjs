// Runs commands as named steps with their seconds, so that a long set-up shows where it is. It knows no tool by name.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Everything that set-up makes and git ignores, except dist/, target/ and node_modules/. */
export const toolsFolder = path.join(root, '.tools');

/** A mistake that the user can act on: printed without a stack, exit code 1. */
export class StepError extends Error {}

const HEARTBEAT_MS = 15_000;

/** @param {number} sinceMs */
const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/**
 * @typedef {object} RunOptions
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd]
 * @property {number} [timeoutMs] the command is ended after so long
 * @property {boolean} [show] its output goes to the terminal as it comes, instead of being kept for an error's text
 */

/**
 * Runs a command to its end; never through a shell.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions & { onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number, output: string, stdout: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      stdio: options.show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    let output = '';
    let stdout = '';
    /** @param {Buffer} chunk */
    const take = (chunk) => {
      const text = String(chunk);
      output += text;
      const line = text.trimEnd().split('\n').at(-1)?.trim();
      if (line) options.onLine?.(line);
    };
    child.stdout?.on('data', (chunk) => {
      stdout += String(chunk);
      take(chunk);
    });
    child.stderr?.on('data', take);
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}`, stdout }));
    child.on('close', (code) => resolve({ code: code ?? 124, output, stdout }));
  });
}

/**
 * A command's standard output, or null where it can't be run or fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export async function ask(command, args, options) {
  const { code, stdout } = await run(command, args, { timeoutMs: 60_000, ...options });
  return code === 0 ? stdout.trim() : null;
}

/**
 * Runs a command as a step: a line when it starts, a sign of life every 15 s, a line with its seconds when it ends.
 * @param {string} title
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @throws {StepError} with the command's output if it fails
 */
export async function step(title, command, args, options = {}) {
  const started = performance.now();
  let last = '';
  console.log(`- ${title}`);
  const beat = setInterval(() => {
    if (!options.show) console.log(`    ${seconds(started)}  ${last.slice(0, 90)}`);
  }, HEARTBEAT_MS);
  const { code, output } = await run(command, args, {
    ...options,
    onLine: (line) => {
      last = line;
    },
  });
  clearInterval(beat);
  if (code !== 0) {
    throw new StepError(`${title} failed (${command} ended with ${code})\n${output.trimEnd()}`);
  }
  console.log(`  ${seconds(started)}`);
  return output;
}

/**
 * Runs the body of a command-line script; a {@link StepError} is printed as a message.
 * @param {() => Promise<number | void>} body returns the exit code, 0 by default
 */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
