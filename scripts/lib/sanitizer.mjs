// The kernels' tests under a sanitizer of the compiler's: on stable Rust too, whose toolchain has their libraries.
import fs from 'node:fs';
import path from 'node:path';
import { ensureRust } from './rust.mjs';
import { ask, root, run, StepError, toolsFolder } from './steps.mjs';

/** What ThreadSanitizer writes between two lines of `=`, one report each. */
const REPORT = /WARNING: ThreadSanitizer[\s\S]*?\n={10,}/g;

/**
 * The environment and cargo's arguments that build with a sanitizer, or why it can't be had here.
 * @param {'thread' | 'address'} name
 * @returns {Promise<{ env: NodeJS.ProcessEnv, args: string[], rustc: string[] } | string>}
 */
export async function sanitizer(name) {
  const env = await ensureRust();
  const host = /^host: (.+)$/m.exec((await ask('rustc', ['-vV'], { env })) ?? '')?.[1];
  const folder = path.join(toolsFolder, 'rust/lib/rustlib', host ?? '', 'lib');
  const library = `rt.${name === 'thread' ? 'tsan' : 'asan'}`;
  if (host === undefined || !fs.readdirSync(folder).some((file) => file.includes(library))) {
    return `this Rust has no ${library} for ${host}; that of rustup has it on Linux and macOS (GOUACHE_RUST=rustup)`;
  }
  // std itself is not compiled with the sanitizer; since compilers ask, they are told that this is known.
  const known = (await ask('rustc', ['-C', 'help'], { env }))?.includes('unsafe-allow-abi-mismatch');
  const flags = [`-Zsanitizer=${name}`, ...(known ? ['-Cunsafe-allow-abi-mismatch=sanitizer'] : [])];
  return {
    env: { RUSTFLAGS: flags.join(' '), RUSTC_BOOTSTRAP: '1', TSAN_OPTIONS: 'exitcode=0' },
    args: ['--lib', '--target', host],
    rustc: [...flags, '--target', host],
  };
}

/**
 * Throws unless ThreadSanitizer reports a race that is there.
 * @param {{ env: NodeJS.ProcessEnv, rustc: string[] }} by
 * @throws {StepError}
 */
export async function mustSeeRaces({ env, rustc }) {
  const program = path.join(toolsFolder, 'race');
  const all = { env: { ...(await ensureRust()), ...env } };
  const source = path.join(root, 'scripts/lib/race.rs');
  const built = await run('rustc', ['--edition', '2024', ...rustc, '-o', program, source], all);
  if (built.code !== 0) throw new StepError(`scripts/lib/race.rs can't be compiled\n${built.output}`);
  const { output } = await run(program, [], all);
  if (racesIn(output, 'race::').length === 0)
    throw new StepError(`ThreadSanitizer does not see scripts/lib/race.rs\n${output}`);
}

/**
 * The reports that have a function of the crate in them. libtest's own channel is reported too, since std's half of it is not compiled with
 * the sanitizer.
 * @param {string} output
 * @param {string} crate
 */
export const racesIn = (output, crate) =>
  (output.match(REPORT) ?? []).filter((report) => report.includes(crate));
