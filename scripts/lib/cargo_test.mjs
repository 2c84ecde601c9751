// Runs the kernels' tests on the host and counts them.
import { ensureRust } from './rust.mjs';
import { run } from './steps.mjs';

/**
 * @param {object} [options]
 * @param {string} [options.title]
 * @param {readonly string[]} [options.args] cargo's, behind the package
 * @param {NodeJS.ProcessEnv} [options.env] added to the environment
 * @returns {Promise<import('./vitest.mjs').Counts & { output: string }>}
 */
export async function runCargoTest({ title = 'kernels, portable vectors', args = [], env = {} } = {}) {
  const rust = await ensureRust();
  console.log(`- cargo test (${title})`);
  const { code, output } = await run('cargo', ['test', '--locked', '-p', 'gouache-kernels', ...args], {
    env: { ...rust, ...env },
  });
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/g,
  )) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  if (code !== 0) {
    console.log(output);
    counts.failed ||= 1;
  }
  console.log(`  ${counts.passed} passed, ${counts.failed} failed`);
  return { ...counts, output };
}
