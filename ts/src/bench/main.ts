/**
 * `npm run bench`: gouache beside other engines, on both documented networks. `--help` (options.ts) says what it takes; compare.ts how
 * engines are compared; report.ts what is written.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { measureInBrowser } from './browser.js';
import { type Case, makeCases } from './cases.js';
import { coldStarts } from './cold.js';
import { type CaseResult, runCase } from './compare.js';
import { configurationsOf } from './configurations.js';
import { measureDownloads } from './downloads.js';
import { type KernelRow, measureKernels } from './kernels.js';
import { thisMachine } from './machine.js';
import { installer, nodeOf } from './nodes.js';
import { HELP, type Options, readOptions, UsageError } from './options.js';
import { FILES, REFERENCES, ROOT } from './places.js';
import type { NodeProgram } from './process.js';
import { type Reference, readReference } from './reference.js';
import { layersText, page, type Results, summaryText } from './report.js';
import { randomOf } from './statistics.js';

/** Of each configuration, one after the other. */
const PROCESSES = 2;
const WARM_UP_MS = 4000;
const QUICK_WARM_UP_MS = 1500;
/** Of each kernel alone. */
const KERNEL_MS = 10_000;
const QUICK_KERNEL_MS = 2000;

const started = performance.now();
const say = (text: string): void => {
  console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`);
};

async function nodesOf(options: Options): Promise<NodeProgram[]> {
  const nodes: NodeProgram[] = [];
  for (const wanted of options.nodes) {
    const node = await nodeOf(wanted);
    if (typeof node === 'string') say(`NOT RUN: Node ${wanted} (${node})`);
    else nodes.push(node);
  }
  if (nodes.length === 0) throw new UsageError('no Node to run in');
  return nodes;
}

const NOTHING = { cases: [], cold: [], browser: [], kernels: [], downloads: [] };

async function measureAll(options: Options, command: string): Promise<Results> {
  const nodes = await nodesOf(options);
  const newest = nodes.at(-1);
  if (newest === undefined) throw new UsageError('no Node to run in');
  const about = {
    machine: thisMachine(),
    date: new Date().toISOString().slice(0, 10),
    command,
    nodes: nodes.map(({ version }) => version),
  };
  if (options.onlyKernels) return { ...about, ...NOTHING, kernels: await kernelsAlone(options, newest) };
  const rivals = options.engines.filter((engine) => engine !== 'gouache');
  const noRivals = rivals.length > 0 ? await (await installer()).ensureRivals() : null;
  const random = randomOf(options.seed);
  const referenceOf = (name: string): Reference => readReference(options.references ?? REFERENCES, name);
  const cases = makeCases(options.networks, options.sizes, FILES, options.tflite ?? FILES);
  const results: CaseResult[] = [];
  for (const what of cases) {
    const { rounds, seconds, quick } = options;
    const style = what.name.startsWith('style');
    const configurations = configurationsOf(
      options,
      quick && !style ? [newest] : nodes,
      what.name === 'style-256',
    );
    const effort = quick
      ? { processes: 1, warmUpMs: QUICK_WARM_UP_MS }
      : { processes: rounds < PROCESSES ? rounds : PROCESSES, warmUpMs: WARM_UP_MS };
    const turns = { rounds, seconds, ...effort, random, say, noRivals };
    results.push(await runCase(what, configurations, referenceOf(what.name), turns));
  }
  const beside = options.onlyNetworks
    ? {}
    : await measureBeside(options, cases, newest, { random, noRivals, referenceOf });
  return { ...about, ...NOTHING, cases: results, ...beside };
}

function kernelsAlone(options: Options, node: NodeProgram): Promise<KernelRow[]> {
  say('kernels alone');
  return measureKernels(node, options.builds, options.quick ? QUICK_KERNEL_MS : KERNEL_MS);
}

/** Cold starts, memory, a browser, kernels alone, downloads. */
async function measureBeside(
  options: Options,
  cases: readonly Case[],
  newest: NodeProgram,
  how: { random: () => number; noRivals: string | null; referenceOf: (name: string) => Reference },
): Promise<Pick<Results, 'cold' | 'browser' | 'kernels' | 'downloads'>> {
  const first = options.builds.slice(0, 1);
  const engines = options.engines.filter((engine) => engine === 'gouache' || engine === 'onnxruntime-web');
  const configurations = configurationsOf({ ...options, engines, builds: first }, [newest], false);
  const small = cases.filter(({ size }) => size === Math.min(...options.sizes));
  const cold = await coldStarts(options.quick ? small.slice(0, 1) : small, configurations, how.referenceOf, {
    times: options.quick ? 1 : 5,
    random: how.random,
    say,
    noRivals: how.noRivals,
  });
  const [build] = options.builds;
  const browser =
    build !== undefined && options.engines.includes('gouache')
      ? await measureInBrowser(options.quick ? small.slice(0, 1) : cases, {
          ...{ root: ROOT, build, threads: options.threads, rounds: options.quick ? 2 : options.rounds },
          ...{ referenceOf: how.referenceOf, random: how.random, say },
        })
      : [];
  const kernels = await kernelsAlone(options, newest);
  const web = options.engines.filter((engine) => engine === 'onnxruntime-web' || engine === 'litert');
  const downloads = await measureDownloads(how.noRivals === null ? web : []);
  return { cold, browser, kernels, downloads };
}

function write(results: Results, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'bench.json'), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(path.join(folder, 'README.md'), page(results));
  console.log(`\nwritten to ${path.relative(process.cwd(), folder)}`);
}

try {
  const args = process.argv.slice(2);
  const options = readOptions(args);
  if (options === null) console.log(HELP);
  else {
    const results = await measureAll(
      options,
      ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    );
    console.log(`\n${summaryText(results)}`);
    if (options.layers) console.log(`\n${layersText(results.cases)}`);
    const record = path.join(ROOT, 'test/bench_record', results.machine.slug);
    const folder = options.output ?? (options.whole ? record : null);
    if (folder !== null) write(results, folder);
    // A comparison in which an engine is wrong is no success.
    const wrong = results.cases.some(({ rows }) => rows.some(({ outcome }) => outcome === 'disagrees'));
    process.exitCode = wrong ? 1 : 0;
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run bench -- --help says what there is.`);
  process.exitCode = 2;
}
