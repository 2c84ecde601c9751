// `npm run lint`: formatting, lints, types, generated files and invariants, of both languages. All are run; any fails it.
import path from 'node:path';
import { BUILD_STD, BUILDS } from './lib/builds.mjs';
import { allBuilds, ensureBuilt } from './lib/ensure.mjs';
import { ensureRust } from './lib/rust.mjs';
import { main, root, run } from './lib/steps.mjs';
import { wasmEnvironment } from './lib/wasm.mjs';

/** @param {string} file */
const ofNode = (file) => path.join(root, 'node_modules', file);

await main(async () => {
  const env = await ensureRust({ lint: true });
  // Tests and examples are checked against the declarations that are published.
  await ensureBuilt(allBuilds);
  const clippy = ['clippy', '--locked', '--quiet'];
  const strict = ['--', '-D', 'warnings'];
  /** @type {[string, string, string[], NodeJS.ProcessEnv][]} */
  const checks = [
    [
      'biome',
      process.execPath,
      [ofNode('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
      process.env,
    ],
    [
      'tsc (tests, scripts, examples)',
      process.execPath,
      [ofNode('typescript/bin/tsc'), '-p', 'tsconfig.check.json'],
      process.env,
    ],
    ['invariants', process.execPath, ['scripts/lint_invariants.mjs'], process.env],
    ['generated records', process.execPath, ['scripts/generate_records.mjs', '--check'], process.env],
    ['cargo fmt', 'cargo', ['fmt', '--all', '--check'], env],
    ['clippy, host', 'cargo', [...clippy, '-p', 'gouache-kernels', '--all-targets', ...strict], env],
    ...BUILDS.map(
      /** @returns {[string, string, string[], NodeJS.ProcessEnv]} */
      (build) => [
        `clippy, ${build.name}`,
        'cargo',
        [
          ...clippy,
          '--release',
          '--workspace',
          '--lib',
          '--target',
          'wasm32-unknown-unknown',
          ...BUILD_STD,
          ...strict,
        ],
        wasmEnvironment(build, env),
      ],
    ),
  ];
  let failed = 0;
  for (const [title, command, args, environment] of checks) {
    const started = performance.now();
    const { code, output } = await run(command, args, { env: environment });
    const verdict = code === 0 ? 'ok' : 'FAILED';
    console.log(`${verdict.padEnd(6)} ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    if (code !== 0) {
      console.log(output.trimEnd());
      failed += 1;
    }
  }
  console.log(`${checks.length - failed} checks passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
});
