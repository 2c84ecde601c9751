/** The benchmark's page: Markdown whose columns are aligned, so that the terminal can show the same text. */
import type { BrowserRow } from './browser.js';
import type { ColdRow } from './cold.js';
import type { CaseResult, Row } from './compare.js';
import { majorOf } from './configurations.js';
import type { Download } from './downloads.js';
import type { KernelRow } from './kernels.js';
import { computedRate, effectiveRate, layerRows, layersOf } from './layers.js';
import type { Machine } from './machine.js';
import { isReached, type Reached, reachedOf } from './targets.js';

export interface Results {
  readonly machine: Machine;
  readonly date: string;
  readonly command: string;
  readonly nodes: readonly string[];
  readonly cases: readonly CaseResult[];
  readonly cold: readonly ColdRow[];
  readonly browser: readonly BrowserRow[];
  readonly kernels: readonly KernelRow[];
  readonly downloads: readonly Download[];
}

/** The first `words` columns are text, the others numbers. */
export function table(rows: readonly (readonly string[])[], words: number): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => [...(row[column] ?? '')].length)),
  );
  const line = (row: readonly string[]): string => {
    const cells = widths.map((width, i) =>
      i < words ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width),
    );
    return `| ${cells.join(' | ')} |`;
  };
  const rule = widths.map((width, i) => (i < words ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = [], ...body] = rows;
  return [line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n');
}

export const milliseconds = (ms: number): string => ms.toFixed(ms < 1 ? 3 : ms < 10 ? 2 : 1);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
export const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(1);
const shortNode = (node: string): string => majorOf({ path: '', version: node });

function engineRow(row: Row, flops: number): string[] {
  const { title, node, threads, ms, difference, note } = row;
  const start = [title, shortNode(node), String(threads)];
  if (ms === null) return [...start, '', '', '', '', '', difference?.toExponential(1) ?? '', note];
  const times = [milliseconds(ms.min), milliseconds(ms.median), milliseconds(ms.spread), String(ms.count)];
  return [...start, ...times, (flops / ms.min / 1e6).toFixed(1), difference?.toExponential(1) ?? '', note];
}

function caseTable({ name, network, shape, flops, rows, peaks }: CaseResult): string {
  const head = ['engine', 'Node', 'threads', 'ms, best', 'median', 'spread', 'runs', 'GFLOP/s', 'off by', ''];
  const cells = rows.map((row) => {
    // Words last, so that numbers stay in columns.
    const all = engineRow(row, flops);
    return all;
  });
  const peak = Object.entries(peaks).map(([key, gflops]) => `Node ${key} ${gflops.toFixed(1)}`);
  return [
    `## ${name}: ${network} [${shape.join(', ')}]`,
    `${(flops / 1e9).toFixed(1)} GFLOP of direct convolutions; multiply-add peak of a core, GFLOP/s: ${peak.join(', ') || 'not measured'}`,
    table([head, ...cells], 1),
  ].join('\n\n');
}

function layerTable(row: Row, { winograd, peaks }: CaseResult): string {
  const peak = peaks[`${shortNode(row.node)} ${row.build}`];
  const head = ['layer', 'op', 'times', 'GFLOP', 'ms', 'GFLOP/s', 'of peak', 'effective GFLOP/s', 'of peak'];
  const part = (rate: number): string => (peak === undefined ? '' : `${((rate / peak) * 100).toFixed(0)} %`);
  const layers = layersOf(row.layers, winograd);
  const cells = layers.map((layer) => {
    const start = [layer.name, layer.op, String(layer.count)];
    if (layer.flops === 0) return [...start, '', milliseconds(layer.ms), '', '', '', ''];
    const [computed, effective] = [computedRate(layer), effectiveRate(layer)];
    return [
      ...[...start, (layer.flops / 1e9).toFixed(3), milliseconds(layer.ms)],
      ...[computed.toFixed(1), part(computed), effective.toFixed(1), part(effective)],
    ];
  });
  const sum = layers.reduce((all, { ms }) => all + ms, 0);
  const best = `every step at its best, summed: ${milliseconds(sum)} ms`;
  return `### ${row.title}, one thread, Node ${shortNode(row.node)}\n\n${best}\n\n${table([head, ...cells], 2)}`;
}

/** Layers of all networks in all builds. */
export function layersText(cases: readonly CaseResult[]): string {
  const parts = cases.flatMap((result) => {
    const shown = layerRows(result.rows);
    if (shown.length === 0) return [];
    const tables = shown.map((row) => layerTable(row, result));
    return [`## ${result.name}, by layer`, ...tables];
  });
  if (parts.length === 0) return '';
  const note =
    'GFLOP/s are those that the algorithm computes (of Winograd the products, not the transforms); effective ones are those of a direct convolution in the same time. Rows of one kind are summed; # stands for the blocks.';
  return [note, ...parts].join('\n\n');
}

function coldTable(cold: readonly ColdRow[]): string {
  const head = [
    'case',
    'engine',
    'threads',
    'import',
    'compile',
    'prepare',
    'first run',
    'all, ms',
    'peak MB',
    '',
  ];
  const rows = cold.map(({ case: name, title, threads, phases, total, memory_bytes, note }) => [
    ...[name, title, String(threads)],
    ...[phases?.import, phases?.compile, phases?.prepare, phases?.first, total].map((ms) =>
      ms == null ? '' : milliseconds(ms),
    ),
    ...[memory_bytes === null ? '' : megabytes(memory_bytes), note],
  ]);
  const text =
    'The way to the first picture in a fresh process, the fastest of several; and the most memory that it held after four runs (peak RSS less that of a Node that does nothing). The model comes from a file.';
  return `## Fresh processes\n\n${text}\n\n${table([head, ...rows], 2)}`;
}

function browserTable(browser: readonly BrowserRow[]): string {
  const head = ['case', 'browser', 'build', 'threads', 'ms, best', 'median', 'spread', 'runs', 'off by', ''];
  const rows = browser.map((row) => {
    const { ms, difference, note } = row;
    const times =
      ms === null
        ? ['', '', '', '']
        : [milliseconds(ms.min), milliseconds(ms.median), milliseconds(ms.spread), String(ms.count)];
    const start = [row.case, row.browser, row.build, String(row.threads)];
    return [...start, ...times, difference?.toExponential(1) ?? '', note];
  });
  return `## gouache in an isolated page\n\n${table([head, ...rows], 3)}`;
}

function kernelTable(kernels: readonly KernelRow[]): string {
  const head = ['kernel', 'of', 'build', 'ms', 'yardstick', 'its ms', 'of its rate', ''];
  const rows = kernels.map(({ name, shapes, build, yardstick, ms, yardstick_ms, note }) => {
    const start = [name, shapes, build];
    if (ms === null || yardstick_ms === null) return [...start, '', yardstick, '', '', note];
    const rate = `${((yardstick_ms / ms) * 100).toFixed(0)} %`;
    return [...start, milliseconds(ms), yardstick, milliseconds(yardstick_ms), rate, note];
  });
  return `## Kernels alone, one thread\n\n${table([head, ...rows], 3)}`;
}

function downloadTable(downloads: readonly Download[]): string {
  const head = ['engine', 'of', '.wasm, kB', 'scripts, kB', 'together'];
  const rows = downloads.map(({ engine, note, wasm_bytes, script_bytes }) => [
    ...[engine, note, kilobytes(wasm_bytes), kilobytes(script_bytes)],
    kilobytes(wasm_bytes + script_bytes),
  ]);
  return `## What a page downloads, gzipped\n\n${table([head, ...rows], 2)}`;
}

function figure(value: number | null, unit: Reached['unit']): string {
  if (value === null) return 'not measured';
  if (unit === '%') return `${(value * 100).toFixed(0)} %`;
  return unit === 'kB' ? `${kilobytes(value)} kB` : value.toFixed(2);
}

function reachedTable(reached: readonly Reached[]): string {
  const head = ['what', 'where', 'reached', 'Zen 4 or AVX2', '', 'Zen 5 or 512-bit', ''];
  const rows = reached.map((one) => {
    const cells = one.targets.flatMap((target) => {
      if (target === null) return ['', ''];
      const sign = one.least ? '>=' : '<=';
      const verdict = one.value === null ? '' : isReached(one, target) ? 'yes' : 'no';
      return [`${sign} ${figure(target, one.unit)}`, verdict];
    });
    return [one.what, one.where, figure(one.value, one.unit), ...cells];
  });
  const text =
    'Ratios of minima; relaxed SIMD in the newest Node, unless it says otherwise. Targets were set for two kinds of machine; the processor above says which it resembles.';
  return `## Reached\n\n${text}\n\n${table([head, ...rows], 2)}`;
}

function settingsTable(cases: readonly CaseResult[]): string {
  const rows = new Map<string, string[]>();
  for (const { engine, version, settings, threads } of cases.flatMap((one) => one.rows)) {
    if (version !== '' && threads === 1)
      rows.set(`${engine} ${settings}`, [engine, version, settings.replace(/, 1 threads.*$/, '')]);
  }
  const body = [...rows.values()];
  return body.length === 0 ? '' : table([['engine', 'version', 'settings'], ...body], 3);
}

/** Everything but the layers. */
export function summaryText(results: Results): string {
  const { machine, cases, cold, browser, kernels, downloads } = results;
  const reached = reachedOf(results);
  return [
    `${machine.cpu} (${machine.family}; ${machine.vectors}), ${machine.cores} cores, ${machine.memory_gb} GB; ${machine.system}; Node ${results.nodes.join(', ')}; float32; ${results.date}`,
    settingsTable(cases),
    ...cases.map(caseTable),
    cold.length > 0 ? coldTable(cold) : '',
    browser.length > 0 ? browserTable(browser) : '',
    kernels.length > 0 ? kernelTable(kernels) : '',
    downloads.length > 0 ? downloadTable(downloads) : '',
    reached.length > 0 ? reachedTable(reached) : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** The page. */
export function page(results: Results): string {
  const title = `# Benchmark: ${results.machine.slug}`;
  const origin = `Written by \`${results.command}\`; the figures are in [bench.json](bench.json). Each engine's output was compared with float64 values before it was timed ("off by": largest difference at 4096 positions, of the mean and of the extremes; 1e-4 is allowed). Engines took turns in random order, a process each, idle ones stopped.`;
  return `${[title, origin, summaryText(results), layersText(results.cases)].filter((part) => part !== '').join('\n\n')}\n`;
}
