/** `npm run bench:ab`: one build of gouache against another, pair by pair. `--help` (ab_options.ts) says what it takes. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { AB_HELP, type AbOptions, readAbOptions } from './ab_options.js';
import { writeWeights } from './cases.js';
import { binariesOf, gouacheDownload } from './downloads.js';
import { nodeOf } from './nodes.js';
import { UsageError } from './options.js';
import { coldPairs, type Pairs, warmPairs } from './pairs.js';
import { FILES, REFERENCES, ROOT } from './places.js';
import type { Task } from './protocol.js';
import { readReference } from './reference.js';
import { kilobytes, milliseconds, table } from './report.js';
import { type BoundedMedian, boundedMedian, timesOf } from './statistics.js';

/** Of the pairs' ratios, after / before. */
const MOST = { median: 1.01, bound: 1.02 } as const;

/** One of the two builds. */
interface Side {
  readonly title: string;
  readonly folder: string;
}

interface Row extends Pairs {
  readonly title: string;
}

/** scripts/lib/revision.mjs */
interface Revisions {
  builtRevision(revision: string): Promise<{ readonly commit: string; readonly folder: string } | string>;
}

async function sideOf(name: string | null): Promise<Side> {
  if (name === null) return { title: 'this checkout', folder: ROOT };
  if (existsSync(path.join(name, 'dist/bundle/index.js'))) return { title: name, folder: realpathSync(name) };
  const url = new URL('../../scripts/lib/revision.mjs', import.meta.url);
  const { builtRevision } = (await import(url.href)) as Revisions;
  const built = await builtRevision(name);
  if (typeof built === 'string') throw new UsageError(built);
  return { title: `${name} (${built.commit.slice(0, 7)})`, folder: built.folder };
}

/** Of after / before, and whether it is within the limits. */
function ratioOf({ pairs }: Row): BoundedMedian & { readonly kept: boolean } {
  const { median, bound } = boundedMedian(pairs.map(({ before, after }) => after / before));
  return { median, bound, kept: median <= MOST.median && bound <= MOST.bound };
}

function pairTable(rows: readonly Row[]): string {
  const limits = `<= ${MOST.median}, <= ${MOST.bound}`;
  const times = ['before, ms', 'best', 'after, ms', 'best'];
  const head = ['case', 'outputs', 'pairs', ...times, 'ratio', '95 % bound', limits];
  const cells = rows.map((row) => {
    const start = [row.title, row.outputs, String(row.pairs.length)];
    if (row.pairs.length === 0) return start;
    const { median, bound, kept } = ratioOf(row);
    const times = (['before', 'after'] as const).flatMap((side) => {
      const { median, min } = timesOf(row.pairs.map((pair) => pair[side]));
      return [milliseconds(median), milliseconds(min)];
    });
    const ratios = [median, bound].map((ratio) => ratio.toFixed(4));
    return [...start, ...times, ...ratios, kept ? 'yes' : 'NO'];
  });
  return table([head, ...cells], 2);
}

async function sizesOf({ folder }: Side) {
  const { wasm_bytes, script_bytes } = await gouacheDownload(folder);
  return { binaries: binariesOf(folder), core: script_bytes, both: wasm_bytes + script_bytes };
}

async function sizeTable(before: Side, after: Side): Promise<string> {
  const columns = [await sizesOf(before), await sizesOf(after)];
  const figures = (of: (column: (typeof columns)[number]) => number | undefined): string[] =>
    columns.map((column) => kilobytes(of(column) ?? Number.NaN));
  const files = columns[1]?.binaries.map(({ file }) => file) ?? [];
  return table(
    [
      ['kB', 'before', 'after'],
      ...files.map((file) => [
        file,
        ...figures(({ binaries }) => binaries.find((one) => one.file === file)?.bytes),
      ]),
      ['core JavaScript and the worker, gzipped', ...figures(({ core }) => core)],
      ['with the largest .wasm, gzipped', ...figures(({ both }) => both)],
    ],
    1,
  );
}

async function measure(options: AbOptions, before: Side, after: Side): Promise<Row[]> {
  const node = await nodeOf(options.node);
  if (typeof node === 'string') throw new UsageError(`no Node ${options.node}: ${node}`);
  console.log(`before: ${before.title}\nafter: ${after.title}\nNode ${node.version}\n`);
  const rows: Row[] = [];
  for (const name of options.cases) {
    const [network = '', size] = name.split('-');
    const { kind, file } = writeWeights(network, FILES);
    const reference = readReference(REFERENCES, name);
    for (const build of options.builds) {
      for (const threads of options.threads) {
        const title = `${name}, ${build}, ${threads} thread${threads > 1 ? 's' : ''}`;
        console.log(title);
        const task: Task = {
          ...{ subject: 'gouache', build, precision: 'high', threads, network: kind, model: file },
          ...{ shape: [1, 3, Number(size), Number(size)], positions: reference.values.length },
        };
        const sides = { before: before.folder, after: after.folder };
        const measured = options.cold ? coldPairs : warmPairs;
        try {
          const pairs = await measured({ task, ...sides, reference, node, count: options.pairs });
          rows.push({ title, ...pairs });
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          console.log(`  FAILED: ${why}`);
          rows.push({ title, outputs: 'FAILED', pairs: [] });
        }
      }
    }
  }
  return rows;
}

try {
  const options = readAbOptions(process.argv.slice(2));
  if (options === null) console.log(AB_HELP);
  else {
    const [before, after] = [await sideOf(options.before), await sideOf(options.after)];
    const rows = await measure(options, before, after);
    console.log(`\n${pairTable(rows)}\n`);
    console.log(await sizeTable(before, after));
    const failed = rows.some((row) => row.pairs.length === 0 || (options.check && !ratioOf(row).kept));
    process.exitCode = failed ? 1 : 0;
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run bench:ab -- --help says what there is.`);
  process.exitCode = 2;
}
