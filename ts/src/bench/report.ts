/** The benchmark's words: tables for the terminal. The figures themselves are in the JSON file (main.ts). */
import { type NetworkTimings, PRECISIONS, type Timing } from './measure.js';

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n');
}

const gflops = (flops: number, ms: number): string => (flops / ms / 1e6).toFixed(1);
const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);

function percent(flops: number, ms: number, peak: number | undefined): string {
  return peak === undefined ? '' : `${((flops / ms / 1e6 / peak) * 100).toFixed(0)} %`;
}

/** Layers of one kind: the same place in each of several blocks, with the same op and work. */
interface Group {
  readonly name: string;
  readonly op: string;
  readonly flops: number;
  count: number;
  ms: number;
}

/** Rows by kind, in order of first appearance; their times are summed. A # stands for the numbers of blocks. */
function groups(timing: Timing): Group[] {
  const found = new Map<string, Group>();
  for (const { name, op, flops, ms } of timing.rows) {
    const kind = name.split('.').length > 2 ? name.replace(/\d+/g, '#') : name;
    const key = `${kind} ${op} ${flops}`;
    const group = found.get(key) ?? { name: kind, op, flops, count: 0, ms: 0 };
    group.count++;
    group.ms += ms;
    found.set(key, group);
  }
  return [...found.values()];
}

/** Every step at its best, summed: what is left of a noisy machine's best whole run. */
const stepsMs = (rows: Timing['rows']): number => rows.reduce((sum, row) => sum + row.ms, 0);

/** The layers of one precision, builds beside each other. */
function layersTable(timings: readonly Timing[]): string {
  const rows = [
    ['layer', 'op', 'times', 'GFLOP', ...timings.flatMap(({ build }) => [`${build} ms`, 'GFLOP/s'])],
  ];
  const byBuild = timings.map(groups);
  byBuild[0]?.forEach(({ name, op, flops: each, count }, i) => {
    const cells = byBuild.flatMap((all) => {
      const ms = all[i]?.ms ?? Number.NaN;
      return [milliseconds(ms), each === 0 ? '' : gflops(each * count, ms)];
    });
    rows.push([name, op, String(count), ((each * count) / 1e9).toFixed(3), ...cells]);
  });
  return table(rows);
}

/**
 * One network: every build whole (its best run, and its steps' best times summed), then its layers. GFLOP/s are those of the direct
 * algorithm's flops: Winograd, which needs fewer, may pass the peak.
 */
export function networkReport(result: NetworkTimings, peaks: ReadonlyMap<string, number>): string {
  const { network, shape, flops, timings } = result;
  const whole = [
    ['build', 'precision', 'ms, best', 'median', 'GFLOP/s', 'of peak', 'ms, steps', 'GFLOP/s'],
    ...timings.map(({ build, precision, minMs, medianMs, rows }) => [
      build,
      precision,
      milliseconds(minMs),
      milliseconds(medianMs),
      gflops(flops, minMs),
      percent(flops, minMs, peaks.get(build)),
      milliseconds(stepsMs(rows)),
      gflops(flops, stepsMs(rows)),
    ]),
  ];
  const title = `${network} [${shape.join(', ')}], ${(flops / 1e9).toFixed(2)} GFLOP of convolutions (Winograd needs fewer, and may pass the peak)`;
  const layers = PRECISIONS.map((precision) => {
    const some = timings.filter((timing) => timing.precision === precision);
    return `precision '${precision}'${precision === 'highest' ? ', direct kernels alone' : ''}\n${layersTable(some)}`;
  });
  return `${[`${title}\n${table(whole)}`, ...layers].join('\n\n')}\n`;
}
