// Runs vitest and counts what it ran; the counts come from its JSON report, never from its text.
import fs from 'node:fs';
import path from 'node:path';
import { root, run, StepError, toolsFolder } from './steps.mjs';

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 */

/** Files that the report of times lists. */
const SLOWEST = 10;

/**
 * Says where the time went, file by file; a file counts once for each time that it ran.
 * @param {readonly { name: string, startTime: number, endTime: number }[]} files
 */
function printTimes(files) {
  const times = files.map(({ name, startTime, endTime }) => ({
    name,
    seconds: (endTime - startTime) / 1000,
  }));
  const sum = times.reduce((total, { seconds }) => total + seconds, 0);
  console.log(`- Where the time went: ${times.length} files, ${sum.toFixed(0)} s one after the other`);
  for (const { name, seconds } of times.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST))
    console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${path.relative(root, name)}`);
}

/**
 * @param {string} config
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Counts>}
 */
export async function runVitest(config, args, env) {
  const report = path.join(toolsFolder, 'vitest.json');
  fs.mkdirSync(toolsFolder, { recursive: true });
  fs.rmSync(report, { force: true });
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const { code } = await run(
    process.execPath,
    [
      vitest,
      'run',
      '--config',
      config,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    { env, show: true },
  );
  if (!fs.existsSync(report)) throw new StepError(`vitest ended with ${code} and left no report`);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites, testResults } =
    JSON.parse(fs.readFileSync(report, 'utf8'));
  printTimes(testResults);
  // A file that can't even be loaded has no test that could fail; it counts as one.
  const broken = testResults.filter(
    /** @param {{ status: string, assertionResults: unknown[] }} file */
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  const failed = numFailedTests + broken;
  return {
    passed: numPassedTests,
    // Errors outside any test, and hooks that throw, fail the run too.
    failed: failed === 0 && (code !== 0 || numFailedTestSuites > 0) ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  };
}
