// Finds or installs Rust for wasm32 and lays out a private sysroot, whose bin/ goes first on PATH.
//
// The prebuilt wasm32 target is never used (its core can't serve threads), but wasm-pack refuses a sysroot without the
// target's folder. So the sysroot is ours: links to the real one, and an empty folder for wasm32. The same for a rustup
// toolchain (nothing but its component rust-src is touched) and for Debian's packages (which have no wasm32 at all).
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensurePackages } from './apt.mjs';
import { ask, root, run, StepError, toolsFolder } from './steps.mjs';

/** Compiler, package manager, core's sources, and the linker. */
const DEBIAN_PACKAGES = ['rustc-web', 'cargo-web', 'rust-web-src', 'rust-web-llvm', 'lld-22'];
const DEBIAN_LINT_PACKAGES = ['rust-web-clippy', 'rustfmt-web'];
const DOWNLOAD_TIMEOUT_MS = 60_000;

/** The private sysroot. */
const sysroot = path.join(toolsFolder, 'rust');
const noteFile = path.join(sysroot, 'origin.json');

/**
 * @typedef {object} Origin
 * @property {'rustup' | 'debian'} route
 * @property {string} sysroot the real one
 * @property {string} version rustc's
 * @property {string[]} notes what was found on the way
 */

const forcedRoute = () => {
  const route = process.env.GOUACHE_RUST;
  if (route === undefined || route === '') return null;
  if (route === 'rustup' || route === 'debian') return route;
  throw new StepError(`GOUACHE_RUST is '${route}'; it may be 'rustup' or 'debian'`);
};

/** The oldest Rust that will do, from Cargo.toml: [major, minor]. */
function wantedVersion() {
  const text = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8');
  return /rust-version = "([\d.]+)"/.exec(text)?.[1] ?? '1.85';
}

/** @param {string} version @param {string} wanted */
function isOlder(version, wanted) {
  const [a = 0, b = 0] = version.split('.').map(Number);
  const [c = 0, d = 0] = wanted.split('.').map(Number);
  return a < c || (a === c && b < d);
}

/**
 * rustc's version in a sysroot, or why it can't be used.
 * @param {string} real
 * @returns {Promise<{ version: string } | { problem: string }>}
 */
async function inspect(real) {
  const words = await ask(path.join(real, 'bin/rustc'), ['--version']);
  const version = words?.split(' ')[1];
  if (version === undefined) return { problem: `${real}/bin/rustc does not run` };
  if (isOlder(version, wantedVersion()))
    return { problem: `Rust ${version} is older than ${wantedVersion()}` };
  if (!fs.existsSync(path.join(real, 'lib/rustlib/src/rust/library/core/src/lib.rs'))) {
    return { problem: "core's sources are missing" };
  }
  return { version };
}

/** @param {boolean} lint @returns {Promise<Origin | string>} a string says why not */
async function fromRustup(lint) {
  const rustc = await ask('rustup', ['which', 'rustc'], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
  if (rustc === null) return 'no rustup toolchain';
  const real = path.resolve(rustc, '../..');
  const toolchain = path.basename(real);
  /** @type {string[]} */
  const wanted = [];
  if (!fs.existsSync(path.join(real, 'lib/rustlib/src/rust/library/core'))) wanted.push('rust-src');
  if (lint && !fs.existsSync(path.join(real, 'bin/cargo-clippy'))) wanted.push('clippy');
  if (lint && !fs.existsSync(path.join(real, 'bin/cargo-fmt'))) wanted.push('rustfmt');
  if (wanted.length > 0) {
    console.log(`- rustup component add ${wanted.join(' ')} (at most 60 s)`);
    const added = await run('rustup', ['component', 'add', ...wanted, '--toolchain', toolchain], {
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
    if (added.code !== 0) return `rustup could not add ${wanted.join(' ')}`;
  }
  const seen = await inspect(real);
  if ('problem' in seen) return `rustup's ${toolchain}: ${seen.problem}`;
  return { route: 'rustup', sysroot: real, version: seen.version, notes: [] };
}

/** @param {boolean} lint @returns {Promise<Origin | string>} */
async function fromDebian(lint) {
  const result = await ensurePackages([...DEBIAN_PACKAGES, ...(lint ? DEBIAN_LINT_PACKAGES : [])]);
  if (result !== 'installed') return `Debian's rustc-web: ${result}`;
  const seen = await inspect('/usr');
  if ('problem' in seen) return `Debian's rustc-web: ${seen.problem}`;
  return { route: 'debian', sysroot: '/usr', version: seen.version, notes: [] };
}

/** @param {readonly string[]} reasons */
function giveUp(reasons) {
  const onDebian = reasons.some((reason) => reason.includes('no privilege'));
  const oldRustup = reasons.some((reason) => reason.includes('is older than'));
  const line = onDebian
    ? `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${DEBIAN_PACKAGES.join(' ')}`
    : oldRustup
      ? 'rustup update stable && rustup component add rust-src'
      : reasons.includes('no rustup toolchain')
        ? "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --component rust-src"
        : 'rustup component add rust-src';
  return new StepError(
    `Rust is needed to build the kernels (${reasons.join('; ')}). Run this, then try again:\n  ${line}`,
  );
}

/** @param {Origin} origin */
async function layOut(origin) {
  fs.rmSync(sysroot, { recursive: true, force: true });
  const realLibrary = path.join(origin.sysroot, 'lib/rustlib');
  const library = path.join(sysroot, 'lib/rustlib');
  fs.mkdirSync(path.join(library, 'wasm32-unknown-unknown/lib'), { recursive: true });
  for (const name of fs.readdirSync(realLibrary)) {
    if (name !== 'wasm32-unknown-unknown')
      fs.symlinkSync(path.join(realLibrary, name), path.join(library, name));
  }
  const bin = path.join(sysroot, 'bin');
  fs.mkdirSync(bin);
  for (const name of fs.readdirSync(path.join(origin.sysroot, 'bin'))) {
    if (/^(cargo|rustdoc|rustfmt|clippy)/.test(name)) {
      fs.symlinkSync(path.join(origin.sysroot, 'bin', name), path.join(bin, name));
    }
  }
  const rustc = path.join(origin.sysroot, 'bin/rustc');
  fs.writeFileSync(path.join(bin, 'rustc'), `#!/bin/sh\nexec '${rustc}' --sysroot '${sysroot}' "$@"\n`, {
    mode: 0o755,
  });
  fs.writeFileSync(noteFile, JSON.stringify(origin, null, 2));
}

/**
 * The sysroot that an earlier call laid out, if it still fits.
 * @param {boolean} lint
 * @returns {Origin | null}
 */
function remembered(lint) {
  if (!fs.existsSync(noteFile)) return null;
  /** @type {Origin} */
  const origin = JSON.parse(fs.readFileSync(noteFile, 'utf8'));
  const forced = forcedRoute();
  if (forced !== null && forced !== origin.route) return null;
  if (isOlder(origin.version, wantedVersion())) return null;
  const needed = ['rustc', 'cargo', ...(lint ? ['cargo-clippy', 'cargo-fmt'] : [])];
  return needed.every((name) => fs.existsSync(path.join(sysroot, 'bin', name))) &&
    fs.existsSync(path.join(origin.sysroot, 'bin/rustc')) &&
    fs.existsSync(path.join(sysroot, 'lib/rustlib/src/rust/library/core/src/lib.rs'))
    ? origin
    : null;
}

/**
 * Makes sure of Rust: rustup where it has or gets rust-src, else Debian's packages, else a line to run.
 * @param {{ lint?: boolean }} [options] lint: clippy and rustfmt too
 * @returns {Promise<NodeJS.ProcessEnv>} the environment in which cargo, rustc and wasm-pack find each other
 * @throws {StepError}
 */
export async function ensureRust({ lint = false } = {}) {
  if (os.platform() === 'win32') throw new StepError('building needs Linux or macOS (on Windows: WSL)');
  let origin = remembered(lint);
  if (origin === null) {
    const forced = forcedRoute();
    /** @type {string[]} */
    const reasons = [];
    for (const [route, find] of /** @type {const} */ ([
      ['rustup', fromRustup],
      ['debian', fromDebian],
    ])) {
      if (forced !== null && forced !== route) continue;
      const found = await find(lint);
      if (typeof found !== 'string') {
        origin = { ...found, notes: reasons };
        break;
      }
      console.log(`  ${found}`);
      reasons.push(found);
    }
    if (origin === null) throw giveUp(reasons);
    await layOut(origin);
    console.log(`- Rust ${origin.version} (${origin.route})`);
  }
  return {
    ...process.env,
    PATH: [path.join(sysroot, 'bin'), path.join(toolsFolder, 'cargo/bin'), process.env.PATH].join(
      path.delimiter,
    ),
    // clippy asks its own location for a sysroot, unless told.
    SYSROOT: sysroot,
    CARGO_TERM_COLOR: 'never',
  };
}
