// The packed tarball installed into an empty project, once for all test files; and Node programs run in that project.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inject } from 'vitest';
import { pack } from '../../scripts/lib/pack.mjs';
import { root } from '../../scripts/lib/steps.mjs';

const INSTALL_TIMEOUT_MS = 100_000;

export interface Ended {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The program is killed after so long; then `code` is null. */
  readonly timeoutMs?: number;
}

/** What this process got from vitest or npm must not leak into a user's program. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const leaks =
    /^(npm_(package|lifecycle|config_(local_)?prefix)|NODE_OPTIONS|NODE_PATH|NODE_ENV|VITEST|GOUACHE_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !leaks.test(name)));
}

/** Runs a command to its end; never through a shell. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...cleanEnvironment(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? INSTALL_TIMEOUT_MS,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** As {@link run}, for a command whose failure is the test's failure: throws with everything it said. */
export async function succeed(
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Runs npm of this machine. */
export function npm(args: readonly string[], cwd: string): Promise<string> {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js')
    ? succeed(process.execPath, [script, ...args], { cwd })
    : succeed('npm', args, { cwd });
}

/**
 * Does `work` once in the whole test run, in whichever process comes first; the others wait for its end. What it throws,
 * everyone gets.
 */
export async function once(name: string, work: () => Promise<void>): Promise<void> {
  const lock = path.join(inject('scratch'), `${name}.lock`);
  const report = path.join(inject('scratch'), `${name}.done`);
  try {
    fs.mkdirSync(lock);
  } catch {
    while (!fs.existsSync(report)) await delay(100);
    const problem = fs.readFileSync(report, 'utf8');
    if (problem !== '') throw new Error(problem);
    return;
  }
  let problem = '';
  try {
    await work();
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    fs.writeFileSync(`${report}.part`, problem);
    fs.renameSync(`${report}.part`, report);
  }
}

/** The tarball's path: what `npm test` has packed, or packed now. */
export async function tarball(): Promise<string> {
  const packed = process.env.GOUACHE_TARBALL;
  if (packed) return packed;
  const file = path.join(inject('scratch'), 'gouache.tgz');
  await once('pack', async () => fs.copyFileSync((await pack()).tarball, file));
  return file;
}

/** A folder in which `npm install <tarball>` was the first command. It has no other dependency; sharp is not there. */
export async function installedProject(): Promise<string> {
  const project = path.join(inject('scratch'), 'project');
  const packed = await tarball();
  await once('install', async () => {
    fs.mkdirSync(project);
    fs.writeFileSync(path.join(project, 'package.json'), '{ "name": "empty", "private": true }\n');
    await npm(['install', '--no-audit', '--no-fund', packed], project);
  });
  return project;
}

/** The same tarball installed into a project of its own, for tests that change what is installed. */
export async function projectOfItsOwn(name: string): Promise<string> {
  const installed = await installedProject();
  const project = path.join(inject('scratch'), name);
  // Otherwise the command's link would point into the project that was copied.
  fs.cpSync(installed, project, { recursive: true, verbatimSymlinks: true });
  return project;
}

/** Links packages of the repository's own node_modules/ into a project: the user who has installed them too. */
export function link(project: string, packages: readonly string[]): void {
  for (const name of packages)
    fs.symlinkSync(
      path.join(root, 'node_modules', name),
      path.join(project, 'node_modules', name),
      'junction',
    );
}

/** Writes a program into the project and runs it there. */
export async function runProgram(
  project: string,
  name: string,
  source: string,
  options: RunOptions & { readonly node?: string; readonly flags?: readonly string[] } = {},
): Promise<Ended> {
  fs.writeFileSync(path.join(project, name), source);
  return run(options.node ?? process.execPath, [...(options.flags ?? []), name], {
    ...options,
    cwd: project,
  });
}
