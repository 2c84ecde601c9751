// Installs wasm-pack and wasm-bindgen, in the one version that the crate is pinned to, into the project's own folder.
import fs from 'node:fs';
import path from 'node:path';
import { ask, root, step, toolsFolder } from './steps.mjs';

/** wasm-bindgen's tool and crate must be of the same version: it stands in crates/wasm/Cargo.toml. */
function bindgenVersion() {
  const text = fs.readFileSync(path.join(root, 'crates/wasm/Cargo.toml'), 'utf8');
  const version = /wasm-bindgen = \{ version = "=([\d.]+)"/.exec(text)?.[1];
  if (version === undefined) throw new Error('crates/wasm/Cargo.toml pins no wasm-bindgen');
  return version;
}

const WASM_PACK_VERSION = '0.15.1';

const TOOLS = [
  { crate: 'wasm-bindgen-cli', program: 'wasm-bindgen', version: bindgenVersion() },
  { crate: 'wasm-pack', program: 'wasm-pack', version: WASM_PACK_VERSION },
];

/**
 * Compiles the tools that are not there. They run for milliseconds: optimised they would take three times as long to compile.
 * @param {NodeJS.ProcessEnv} env of ensureRust
 */
export async function ensureRustTools(env) {
  const target = path.join(toolsFolder, 'cargo/target');
  for (const { crate, program, version } of TOOLS) {
    const found = await ask(program, ['--version'], { env });
    if (found?.split(' ')[1] === version) continue;
    await step(
      `Compiling ${program} ${version} (once)`,
      'cargo',
      [
        'install',
        '--locked',
        crate,
        '--version',
        version,
        '--bin',
        program,
        '--root',
        path.join(toolsFolder, 'cargo'),
      ],
      {
        env: {
          ...env,
          CARGO_TARGET_DIR: target,
          CARGO_PROFILE_RELEASE_OPT_LEVEL: '0',
          CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
          CARGO_PROFILE_RELEASE_LTO: 'off',
        },
      },
    );
  }
  fs.rmSync(target, { recursive: true, force: true });
}
