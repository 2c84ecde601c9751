// Runs the kernels' tests on the host and counts them.
import { ensureRust } from './rust.mjs';
import { run } from './steps.mjs';

/** @returns {Promise<import('./vitest.mjs').Counts>} */
export async function runCargoTest() {
  const env = await ensureRust();
  console.log('- cargo test (kernels, portable vectors)');
  const { code, output } = await run('cargo', ['test', '--locked', '-p', 'gouache-kernels'], { env });
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
  return counts;
}
