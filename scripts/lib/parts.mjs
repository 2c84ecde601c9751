// What each part of a page's download takes: the binary by module of the kernels, the JavaScript by folder.
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { BUILD_STD, BUILDS } from './builds.mjs';
import { ensureRust } from './rust.mjs';
import { root, step } from './steps.mjs';
import { wasmEnvironment } from './wasm.mjs';

/** @typedef {readonly [name: string, bytes: number, gzipped: number | null]} Part */

// Beside target/wasm: a build with names would throw away what cargo keeps of the others.
const NAMED_FOLDER = path.join(root, 'target/wasm-named');
const KERNELS = 'gouache_kernels';

/**
 * The bodies of a binary's functions, by name.
 * @param {Buffer} bytes
 */
function* functionsOf(bytes) {
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  const [names] = WebAssembly.Module.customSections(module, 'name').map((section) => Buffer.from(section));
  if (names === undefined) throw new Error('the binary has no names');
  const imported = WebAssembly.Module.imports(module).filter(({ kind }) => kind === 'function').length;
  const named = new Map(namesIn(names));
  const { varuint, skip, at } = reader(bytes, 8);
  for (;;) {
    const section = varuint();
    const length = varuint();
    if (section === 10) break;
    skip(length);
  }
  const count = varuint();
  for (let index = 0; index < count; index++) {
    const length = varuint();
    yield { name: named.get(imported + index) ?? '', body: bytes.subarray(at(), at() + length) };
    skip(length);
  }
}

/** Numbers and names of functions. @param {Buffer} section @returns {Iterable<[number, string]>} */
function* namesIn(section) {
  const { varuint, skip, at } = reader(section, 0);
  while (at() < section.length) {
    const kind = varuint();
    const length = varuint();
    if (kind !== 1) {
      skip(length);
      continue;
    }
    const count = varuint();
    for (let i = 0; i < count; i++) {
      const index = varuint();
      const size = varuint();
      yield [index, section.toString('utf8', at(), at() + size)];
      skip(size);
    }
  }
}

/** @param {Buffer} bytes @param {number} start */
function reader(bytes, start) {
  let position = start;
  return {
    varuint() {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[position++];
        if (byte === undefined) throw new Error('the binary ends inside a number');
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
    },
    /** @param {number} length */
    skip(length) {
      position += length;
    },
    at: () => position,
  };
}

/**
 * `ops/conv2d` of a mangled name (Rust's v0: after the crate come the path's names, each behind its length).
 * @param {string} mangled
 */
function moduleOf(mangled) {
  let rest = mangled.split(`${KERNELS.length}${KERNELS}`)[1];
  if (rest === undefined) return mangled.startsWith('plan_') ? 'plan' : 'the rest';
  const names = [];
  while (names.length < 2) {
    const [head, length] = /^(\d+)_?/.exec(rest) ?? [];
    if (head === undefined) break;
    const end = head.length + Number(length);
    names.push(rest.slice(head.length, end));
    rest = rest.slice(end);
  }
  return names.join('/');
}

/**
 * The code of one build by module of the kernels; gzipped alone, so that the sum is more than the whole.
 * @param {string} name
 * @returns {Promise<Part[]>}
 */
export async function partsOfBinary(name) {
  const build = BUILDS.find((one) => one.name === name);
  if (build === undefined) throw new Error(`no build is named ${name}`);
  const env = {
    ...wasmEnvironment(build, await ensureRust()),
    CARGO_TARGET_DIR: NAMED_FOLDER,
    CARGO_PROFILE_RELEASE_STRIP: 'none',
  };
  const args = ['build', '-p', 'gouache-wasm', '--release', '--target', 'wasm32-unknown-unknown'];
  await step(`Building the kernels with names: ${name}`, 'cargo', args.concat(BUILD_STD), { env });
  /** @type {Map<string, Buffer[]>} */
  const modules = new Map();
  const file = path.join(NAMED_FOLDER, 'wasm32-unknown-unknown/release/gouache_wasm.wasm');
  for (const { name: mangled, body } of functionsOf(fs.readFileSync(file))) {
    // Read by the command-line tool of wasm-bindgen, which takes them out.
    if (mangled.startsWith('__wbindgen_describe')) continue;
    const module = moduleOf(mangled);
    modules.set(module, [...(modules.get(module) ?? []), body]);
  }
  return sorted(
    [...modules].map(([module, bodies]) => {
      const code = Buffer.concat(bodies);
      return [module, code.length, gzipSync(code, { level: 9 }).length];
    }),
  );
}

/**
 * What importing the core fetches, minified, by folder; the worker has copies of some of it.
 * @returns {Promise<Part[]>}
 */
export async function partsOfScript() {
  const { build } = await import('esbuild');
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['dist/index.js'],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    outdir: 'unwritten',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  /** @type {Map<string, number>} */
  const folders = new Map();
  const visited = new Set();
  const visit = (/** @type {string} */ name) => {
    const output = metafile.outputs[name];
    if (output === undefined || visited.has(name)) return;
    visited.add(name);
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = path.posix.dirname(path.posix.relative('dist', input));
      folders.set(folder, (folders.get(folder) ?? 0) + bytesInOutput);
    }
    for (const { path: next, kind } of output.imports) if (kind === 'import-statement') visit(next);
  };
  visit('unwritten/index.js');
  const worker = fs.statSync(path.join(root, 'dist/platform/gouache_worker.js')).size;
  return sorted([
    ...[...folders].map(([name, bytes]) => /** @type {Part} */ ([name, bytes, null])),
    ['the worker', worker, null],
  ]);
}

/** @param {Part[]} parts */
const sorted = (parts) => parts.sort(([, a], [, b]) => b - a);
