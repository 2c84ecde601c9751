/** What gouache is to reach, and what this run reached: ratios of minima. */

import type { BrowserRow } from './browser.js';
import type { ColdRow } from './cold.js';
import type { CaseResult, Row } from './compare.js';
import { peakKey } from './compare.js';
import type { Download } from './downloads.js';
import type { KernelRow } from './kernels.js';

/** A measured machine's figure, by the number of threads. */
type Pair = readonly [one: number, two: number];

interface RatioTarget {
  readonly what: string;
  readonly engine: string;
  /** Of gouache and of the engine: the newest Node, or the oldest. */
  readonly node: 'newest' | 'oldest';
  readonly build: 'relaxed-simd' | 'simd128';
  /** Zen 4; for native engines any processor without full 512-bit vectors. */
  readonly zen4: Readonly<Record<string, Pair>>;
  /** Zen 5; for native engines any processor with 512-bit vectors. */
  readonly zen5: Readonly<Record<string, Pair>>;
}

const same = (value: number): Readonly<Record<string, Pair>> => ({
  'style-256': [value, value],
  'style-512': [value, value],
  'cyclegan-256': [value, value],
});

const RATIOS: readonly RatioTarget[] = [
  {
    what: 'onnxruntime-web / gouache',
    engine: 'onnxruntime-web',
    node: 'newest',
    build: 'relaxed-simd',
    zen4: { 'style-256': [5.3, 5.6], 'style-512': [5.5, 5.7], 'cyclegan-256': [5.6, 6.2] },
    zen5: { 'style-256': [5, 5], 'style-512': [4.8, 5.1], 'cyclegan-256': [5, 5] },
  },
  {
    what: 'LiteRT.js / gouache',
    engine: 'litert',
    node: 'newest',
    build: 'relaxed-simd',
    zen4: {},
    zen5: { 'style-256': [3.7, 3.5], 'style-512': [4, 3.5], 'cyclegan-256': [4.1, 3.8] },
  },
  {
    what: 'native onnxruntime / gouache',
    engine: 'onnxruntime-node',
    node: 'newest',
    build: 'relaxed-simd',
    zen4: { 'style-256': [1.7, 1.7], 'style-512': [1.8, 1.8], 'cyclegan-256': [1.5, 1.5] },
    zen5: { 'style-256': [1, 1], 'style-512': [1, 1], 'cyclegan-256': [0.8, 0.8] },
  },
  {
    what: 'onnxruntime-web / gouache, plain SIMD',
    engine: 'onnxruntime-web',
    node: 'oldest',
    build: 'simd128',
    zen4: same(4),
    zen5: same(3.6),
  },
];

/** 1 thread's time over 2 threads'. */
const SCALING: Readonly<Record<string, number>> = {
  'style-256': 1.9,
  'style-512': 1.85,
  'cyclegan-256': 1.88,
};
/** Direct-convolution flops / time / peak. */
const BROWSER_SCALING: Readonly<Record<string, number>> = { 'style-256': 1.7 };
const EFFECTIVE: Readonly<Record<string, number>> = {
  'style-256': 2.45,
  'style-512': 2.45,
  'cyclegan-256': 2.75,
};
const MANY_THREADS_MOST = 1.5;
const MEMORY_MOST = 0.6;
const DOWNLOAD_MOST_BYTES = 150_000;
const FIRST_PICTURE_MOST = 0.4;

/** One target and what was reached; null: not measured. */
export interface Reached {
  readonly what: string;
  readonly where: string;
  readonly value: number | null;
  readonly unit: '' | '%' | 'kB';
  readonly least: boolean;
  /** By machine: Zen 4 (or anything without 512-bit vectors), Zen 5 (or with them). */
  readonly targets: readonly [zen4: number | null, zen5: number | null];
}

export function isReached({ value, least }: Reached, target: number): boolean {
  return value !== null && (least ? value >= target : value <= target);
}

const major = (node: string): number => Number(node.slice(1).split('.')[0]);

function find(
  rows: readonly Row[],
  engine: string,
  build: string | null,
  threads: number,
  node: 'newest' | 'oldest',
): Row | undefined {
  const all = rows.filter(
    (row) => row.engine === engine && row.threads === threads && (row.precision ?? 'high') === 'high',
  );
  const majors = rows.map((row) => major(row.node));
  const wanted = node === 'newest' ? Math.max(...majors) : Math.min(...majors);
  return all.find((row) => (build === null || row.build === build) && major(row.node) === wanted);
}

const minimum = (row: Row | undefined): number | null => row?.ms?.min ?? null;

function ratio(above: number | null, below: number | null): number | null {
  return above === null || below === null ? null : above / below;
}

function ofCase(result: CaseResult): Reached[] {
  const { name, rows, flops, peaks } = result;
  const reached: Reached[] = [];
  const add = (what: string, value: number | null, zen4: number | null, zen5: number | null, least = true) =>
    reached.push({ what, where: name, value, unit: '', least, targets: [zen4, zen5] });
  for (const target of RATIOS) {
    // A run of one Node has no older one: its name says which it was.
    const where = target.node === 'newest' ? '' : `, Node ${Math.min(...rows.map((row) => major(row.node)))}`;
    for (const threads of [1, 2] as const) {
      const ours = minimum(find(rows, 'gouache', target.build, threads, target.node));
      const theirs = minimum(find(rows, target.engine, null, threads, target.node));
      const of = (table: RatioTarget['zen4']): number | null => table[name]?.[threads - 1] ?? null;
      const [zen4, zen5] = [of(target.zen4), of(target.zen5)];
      add(
        `${target.what}${where}, ${threads} thread${threads > 1 ? 's' : ''}`,
        ratio(theirs, ours),
        zen4,
        zen5,
      );
    }
  }
  const at = (threads: number): Row | undefined => find(rows, 'gouache', 'relaxed-simd', threads, 'newest');
  const [one, two, many] = [1, 2, 8].map((threads) => minimum(at(threads)));
  const scaling = SCALING[name] ?? null;
  add('1 thread / 2 threads', ratio(one ?? null, two ?? null), scaling, scaling);
  const peak = peaks[peakKey({ version: at(1)?.node ?? '' }, 'relaxed-simd')];
  const effective = one == null || peak === undefined ? null : flops / one / 1e6 / peak;
  const wanted = EFFECTIVE[name] ?? null;
  add('direct-convolution flops / time / peak', effective, wanted, wanted);
  if (rows.some(({ threads }) => threads === 8)) {
    add(
      '8 threads / 2 threads',
      ratio(many ?? null, two ?? null),
      MANY_THREADS_MOST,
      MANY_THREADS_MOST,
      false,
    );
  }
  return reached;
}

function ofCold(cold: readonly ColdRow[]): Reached[] {
  const find = (engine: string, name: string, threads: number): ColdRow | undefined =>
    cold.find((row) => row.engine === engine && row.case === name && row.threads === threads);
  const names = [...new Set(cold.map((row) => row.case))];
  return names.flatMap((name) =>
    [1, 2].flatMap((threads): Reached[] => {
      const [ours, theirs] = ['gouache', 'onnxruntime-web'].map((engine) => find(engine, name, threads));
      if (ours === undefined || theirs === undefined) return [];
      const words = `gouache / onnxruntime-web, ${threads} thread${threads > 1 ? 's' : ''}`;
      const add = (what: string, value: number | null, most: number): Reached => ({
        what: `${what}, ${words}`,
        where: name,
        value,
        unit: '',
        least: false,
        targets: [most, most],
      });
      return [
        add('peak memory', ratio(ours.memory_bytes, theirs.memory_bytes), MEMORY_MOST),
        add('first picture', ratio(ours.total, theirs.total), FIRST_PICTURE_MOST),
      ];
    }),
  );
}

function ofBrowser(browser: readonly BrowserRow[]): Reached[] {
  const names = [...new Set(browser.filter(({ ms }) => ms !== null).map((row) => row.case))];
  return names.map((name) => {
    const [one, two] = [1, 2].map(
      (threads) => browser.find((row) => row.case === name && row.threads === threads)?.ms?.min ?? null,
    );
    const target = BROWSER_SCALING[name] ?? null;
    return {
      what: '1 thread / 2 threads, in an isolated page',
      where: name,
      value: ratio(one ?? null, two ?? null),
      unit: '',
      least: true,
      targets: [target, target],
    };
  });
}

/** What targets are held against. */
export interface Measured {
  readonly cases: readonly CaseResult[];
  readonly cold: readonly ColdRow[];
  readonly browser: readonly BrowserRow[];
  readonly kernels: readonly KernelRow[];
  readonly downloads: readonly Download[];
}

/** Every target that this run touches. */
export function reachedOf({ cases, cold, browser, kernels, downloads }: Measured): Reached[] {
  const kernel = kernels.map(
    ({ name, shapes, build, yardstick, least, ms, yardstick_ms }): Reached => ({
      what: `${name}, of ${yardstick}'s rate, ${build}`,
      where: shapes,
      value: ratio(yardstick_ms, ms),
      unit: '%',
      least: true,
      targets: [least, least],
    }),
  );
  const download = downloads
    .filter(({ engine }) => engine === 'gouache')
    .map(
      ({ wasm_bytes, script_bytes }): Reached => ({
        what: 'download, gzipped',
        where: 'one build and the core',
        value: wasm_bytes + script_bytes,
        unit: 'kB',
        least: false,
        targets: [DOWNLOAD_MOST_BYTES, DOWNLOAD_MOST_BYTES],
      }),
    );
  return [...cases.flatMap(ofCase), ...ofBrowser(browser), ...kernel, ...ofCold(cold), ...download].filter(
    ({ targets, value }) => value !== null || targets.some((target) => target !== null),
  );
}
