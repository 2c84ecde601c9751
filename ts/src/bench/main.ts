/**
 * `npm run bench`: milliseconds and GFLOP/s of the documented networks at 256x256, whole and by layer, in every build that this Node runs
 * and at both precisions ('highest' is the direct kernels alone), beside the multiply-add peak of the same run.
 * Options: --quick (few runs), --json FILE (the figures as data).
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type BuildName, Engine, UnsupportedError } from '../index.js';
import { measure, type NetworkTimings } from './measure.js';
import { Peak } from './peak.js';
import { networkReport } from './report.js';
import { subjects } from './subjects.js';

const BUILDS: readonly BuildName[] = ['relaxed-simd', 'simd128'];
const RUNS = 20;
const QUICK_RUNS = 3;

/** Engines by build; a build that this Node can't run is reported, not passed over. */
async function startEngines(): Promise<Map<BuildName, Engine>> {
  const engines = new Map<BuildName, Engine>();
  for (const build of BUILDS) {
    try {
      engines.set(build, await Engine.create({ build }));
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      console.log(`NOT RUN: ${build} (${error.message})`);
    }
  }
  return engines;
}

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'string' } } });
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
console.log(`${machine.cpu}, ${machine.cores} cores seen, Node ${machine.node}; one thread, float32`);

const engines = await startEngines();
const relaxedPeak = Peak.create(true);
const plainPeak = Peak.create(false);
const peaks = [relaxedPeak, plainPeak].filter((peak) => peak !== null);
const results: NetworkTimings[] = [];
for (const subject of subjects()) {
  results.push(await measure(engines, subject, peaks, values.quick === true ? QUICK_RUNS : RUNS));
}
for (const engine of engines.values()) await engine.dispose();

const peakOf = new Map<string, number>();
if (relaxedPeak !== null) peakOf.set('relaxed-simd', relaxedPeak.gflops);
if (plainPeak !== null) peakOf.set('simd128', plainPeak.gflops);
for (const [build, gflops] of peakOf) console.log(`peak, ${build}: ${gflops.toFixed(1)} GFLOP/s`);
for (const result of results) console.log(`\n${networkReport(result, peakOf)}`);
if (values.json !== undefined) {
  const data = { machine, date: new Date().toISOString(), peak_gflops: Object.fromEntries(peakOf), results };
  writeFileSync(values.json, `${JSON.stringify(data, null, 2)}\n`);
  console.log(`written to ${values.json}`);
}
