// The benchmark as a program: it compares before it times, and a wrong result gets no time. And its pure parts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as nn from 'gouache/nn';
import { afterAll, describe, expect, test } from 'vitest';
import { KERNEL_CASES } from '../../dist/bench/kernel_cases.js';
import { computedRate, effectiveRate, layersOf, winogradWork } from '../../dist/bench/layers.js';
import { slugOf } from '../../dist/bench/machine.js';
import { readOptions, UsageError } from '../../dist/bench/options.js';
import { compare } from '../../dist/bench/reference.js';
import type { Results } from '../../dist/bench/report.js';
import { randomOf, shuffled, timesOf } from '../../dist/bench/statistics.js';
import { isReached, reachedOf } from '../../dist/bench/targets.js';
import { compileGraph } from '../../dist/graph/compile.js';
import { traceModule } from '../../dist/nn/trace.js';
import { hasRelaxedSimd } from '../../scripts/lib/builds.mjs';
import { fillByFormula } from '../golden/formula.js';
import { run } from '../package/installed.js';

const MAIN = fileURLToPath(new URL('../../dist/bench/main.js', import.meta.url));
const CHILD = fileURLToPath(new URL('../../dist/bench/child.js', import.meta.url));
const REFERENCES = new URL('../golden/bench/references.safetensors', import.meta.url);
const folder = mkdtempSync(path.join(tmpdir(), 'gouache-bench-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** gouache alone, its plain build, at 64x64, once, in this Node: seconds. */
async function bench(name: string, ...more: readonly string[]) {
  const output = path.join(folder, name);
  const tiny = ['--engines', 'gouache', '--networks', 'style', '--sizes', '64', '--rounds', '1'];
  const args = [MAIN, ...tiny, '--nodes', 'current', '--threads', '1', '--only-networks', '--output', output];
  const ended = await run(process.execPath, [...args, ...more]);
  const results: Results = JSON.parse(readFileSync(path.join(output, 'bench.json'), 'utf8'));
  return { ...ended, results, page: readFileSync(path.join(output, 'README.md'), 'utf8') };
}

describe('a run', () => {
  test('compares with float64, takes times, and writes figures and a page', async () => {
    const { code, stdout, stderr, results, page } = await bench('right', '--builds', 'simd128');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const [result] = results.cases;
    const [row] = result?.rows ?? [];
    expect(result?.name).toBe('style-64');
    expect(row?.outcome).toBe('timed');
    expect(row?.difference).toBeLessThan(1e-4);
    expect(row?.difference).toBeGreaterThan(0);
    expect(row?.ms?.min).toBeGreaterThan(0);
    expect(row?.ms?.median).toBeGreaterThanOrEqual(row?.ms?.min ?? Number.NaN);
    // What the profile counts and what the graph says are the same work.
    const convolutions = row?.layers.filter(({ op }) => op.startsWith('conv')) ?? [];
    expect(convolutions.reduce((sum, { flops }) => sum + flops, 0)).toBe(result?.flops);
    const [peak] = Object.values(result?.peaks ?? {});
    expect(peak).toBeGreaterThan(1);
    expect(page).toContain('## style-64, by layer');
    expect(page).toContain(`${row?.ms?.min.toFixed((row?.ms?.min ?? 0) < 10 ? 2 : 1)}`);
    expect(stdout).toContain('round 1 of 1');
  });

  test('gives no time to a wrong result, says so, and fails', async () => {
    const bytes = readFileSync(REFERENCES);
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
    const at = 8 + Number(bytes.readBigUInt64LE(0)) + header['style-64/values'].data_offsets[0] + 8 * 1234;
    bytes.writeDoubleLE(bytes.readDoubleLE(at) + 2e-4, at);
    const references = path.join(folder, 'wrong.safetensors');
    writeFileSync(references, bytes);
    const { code, stdout, results } = await bench('wrong', '--builds', 'simd128', '--references', references);
    const [row] = results.cases[0]?.rows ?? [];
    expect(row?.outcome).toBe('disagrees');
    expect(row?.difference).toBeCloseTo(2e-4, 4);
    expect(row?.ms).toBeNull();
    expect(row?.layers).toEqual([]);
    expect(stdout).toContain('from float64: no time');
    expect(code).toBe(1);
  });

  test('says of a build that this Node cannot run, and of threads that the engine does not take, why', async () => {
    const { code, results } = await bench('missing', '--builds', 'relaxed-simd', '--threads', '1,1000000');
    const [one, many] = results.cases[0]?.rows ?? [];
    expect(one?.outcome).toBe(hasRelaxedSimd() && process.execArgv.length === 0 ? 'timed' : 'not run');
    expect(many?.outcome).toBe('not run');
    expect(many?.ms).toBeNull();
    expect(many?.note).not.toBe('');
    expect(code).toBe(0);
  });

  test('of kernels alone checks them, and times them with their yardsticks', async () => {
    const { code, results, page } = await bench(
      'kernels',
      '--only-kernels',
      '--quick',
      '--builds',
      'simd128',
    );
    expect(results.cases).toEqual([]);
    expect(results.kernels.length).toBe(KERNEL_CASES.length);
    for (const { note, ms, yardstick_ms } of results.kernels) {
      expect(note).toBe('');
      expect(ms).toBeGreaterThan(0);
      expect(yardstick_ms).toBeGreaterThan(0);
    }
    expect(page).toContain('## Kernels alone');
    expect(code).toBe(0);
  });

  test('says how to get a model that is missing', async () => {
    const { missing } = await import('../../dist/bench/compare.js');
    const model = {
      gouache: '',
      'onnxruntime-web': MAIN,
      'onnxruntime-node': MAIN,
      litert: '/nowhere/style-64.tflite',
    };
    const what = { name: 'style-64', network: '', size: 64, shape: [], flops: 0, winograd: {}, model };
    const node = { path: '', version: 'v20.0.0' };
    const of = (engine: 'litert' | 'onnxruntime-web') =>
      ({ engine, node, build: 'simd128', precision: 'high', threads: 1 }) as const;
    expect(missing(what, of('litert'), null)).toContain('make_tflite.py style 64');
    expect(missing(what, of('onnxruntime-web'), null)).toBeNull();
    expect(missing(what, of('onnxruntime-web'), 'no network')).toContain('npm ci --prefix scripts/rivals');
  });
});

describe('the command line', () => {
  test.each([
    [['--engines', 'tfjs']],
    [['--threads', '0']],
    [['--nodes', 'new']],
    [['--wrong']],
    [['positional']],
  ])('refuses %j', (args) => {
    expect(() => readOptions(args)).toThrow(UsageError);
  });

  test('knows a whole run from a narrowed one, which must not become the record', () => {
    expect(readOptions([])?.whole).toBe(true);
    expect(readOptions(['--layers', '--seed', '7'])?.whole).toBe(true);
    expect(readOptions(['--quick'])?.whole).toBe(false);
    expect(readOptions(['--engines', 'gouache'])?.whole).toBe(false);
    expect(readOptions(['--only-kernels'])?.whole).toBe(false);
    expect(readOptions(['--help'])).toBeNull();
  });
});

describe("a child's memory", () => {
  test.each([
    ['the most, as the kernel says', 'return `Name:\\tnode\\nVmHWM:\\t    7 kB\\n`', 7168, 7168],
    ['what it holds, of a kernel that does not say', 'return `Name:\\tnode\\n`', 2 ** 22, 2 ** 40],
    ['what it holds, of a system without the file', 'throw new Error(`ENOENT`)', 2 ** 22, 2 ** 40],
  ])('%s', async (_, status, least, most) => {
    const preload = `
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const read = fs.readFileSync;
      fs.readFileSync = (file, ...rest) => {
        if (file === '/proc/self/status') { ${status}; }
        return read(file, ...rest);
      };
      syncBuiltinESMExports();`;
    const before = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
    const child = spawn(process.execPath, [...before, CHILD, JSON.stringify({ subject: 'bare' })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    try {
      child.send({ do: 'memory' });
      const [reply] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
      expect(reply).toEqual({ ok: true, answer: expect.any(Number) });
      expect(reply.answer).toBeGreaterThanOrEqual(least);
      expect(reply.answer).toBeLessThanOrEqual(most);
    } finally {
      child.kill();
    }
  });
});

describe('comparison', () => {
  const reference = { values: [0.5, -0.5], mean: 0, least: -0.5, largest: 0.5 };
  test.each([
    [reference, true],
    [{ ...reference, values: [0.5, -0.5 + 2e-4] }, false],
    [{ ...reference, mean: 2e-4 }, false],
    [{ ...reference, largest: 0.51 }, false],
    [{ ...reference, values: [0.5] }, false],
    [{ ...reference, values: [0.5, Number.NaN] }, false],
    // NaN as JSON brings it.
    [JSON.parse(JSON.stringify({ ...reference, least: Number.NaN })), false],
  ])('%j agrees: %s', (sample, agrees) => {
    expect(compare(sample, reference).agrees).toBe(agrees);
  });
});

describe('figures', () => {
  test('minima, medians and quartiles', () => {
    expect(timesOf([5, 1, 2, 4, 3])).toEqual({ min: 1, median: 3, spread: 2, count: 5 });
    expect(timesOf([2, 1])).toEqual({ min: 1, median: 1.5, spread: 0.5, count: 2 });
  });

  test('a seed gives one order, and all of its items', () => {
    const items = Array.from({ length: 20 }, (_, i) => i);
    const order = shuffled(items, randomOf(3));
    expect(order).toEqual(shuffled(items, randomOf(3)));
    expect(order).not.toEqual(shuffled(items, randomOf(4)));
    expect([...order].sort((a, b) => a - b)).toEqual(items);
  });

  test('layers of a kind are summed, with the products that their algorithm does', () => {
    const names = ['residual.0.block.0', 'residual.1.block.3'];
    const work = { algorithm: 'F(4x4, 3x3)', flops: 1e9 };
    const [layer, ...others] = layersOf(
      names.map((name) => ({ name, op: 'conv_winograd', ms: 2, flops: 4e9 })),
      Object.fromEntries(names.map((name) => [name, work])),
    );
    expect(others).toEqual([]);
    if (layer === undefined) throw new Error('one layer');
    expect(layer).toMatchObject({
      name: 'residual.#.block.#',
      op: 'conv_winograd F(4x4, 3x3)',
      count: 2,
      ms: 4,
      flops: 8e9,
    });
    expect(effectiveRate(layer)).toBe(2000);
    expect(computedRate(layer)).toBe(500);
  });

  test("Winograd's products are counted in whole squares", () => {
    const net = new nn.Conv2d(128, 64, 3, { padding: 1 });
    fillByFormula(net);
    const { graph } = traceModule(net, [{ shape: [1, 128, 64, 61] }]);
    const [work, ...others] = Object.values(winogradWork(compileGraph(graph).stages.chosen.graph));
    expect(others).toEqual([]);
    expect(work).toEqual({ algorithm: 'F(4x5, 3x3)', flops: 2 * 16 * 13 * 42 * 128 * 64 });
  });

  test('machines are named by their processor and cores', () => {
    expect(slugOf('Intel(R) Xeon(R) Processor', 2)).toBe('intel-xeon-2c');
    expect(slugOf('AMD EPYC 9B14 96-Core Processor', 4)).toBe('amd-epyc-9b14-4c');
    expect(slugOf('Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz', 12)).toBe('intel-core-i7-8700-12c');
  });

  test('targets are ratios of minima', () => {
    const row = (engine: string, threads: number, min: number, build: string | null = null) => ({
      ...{
        engine,
        title: engine,
        version: '',
        settings: '',
        node: 'v26.0.0',
        build,
        precision: null,
        threads,
      },
      ...{ outcome: 'timed', note: '', difference: 0, layers: [] },
      ms: { min, median: min * 2, spread: 0, count: 1 },
    });
    const result = {
      ...{ name: 'style-256', network: '', shape: [], flops: 16.5e9, peaks: { '26 relaxed-simd': 60 } },
      rows: [
        row('gouache', 1, 100, 'relaxed-simd'),
        row('gouache', 2, 50, 'relaxed-simd'),
        row('gouache', 8, 80, 'relaxed-simd'),
        row('onnxruntime-web', 1, 600),
        row('onnxruntime-web', 2, 200),
      ],
    };
    const reached = reachedOf({
      ...{
        cases: [result] as unknown as Results['cases'],
        cold: [],
        browser: [],
        kernels: [],
        downloads: [],
      },
    });
    const value = (start: string) => reached.find(({ what }) => what.startsWith(start))?.value;
    expect(value('onnxruntime-web / gouache, 1')).toBe(6);
    expect(value('onnxruntime-web / gouache, 2')).toBe(4);
    expect(value('LiteRT.js / gouache, 1')).toBeNull();
    expect(value('1 thread / 2')).toBe(2);
    expect(value('8 threads / 2')).toBe(1.6);
    expect(value('direct-convolution')).toBeCloseTo(2.75);
    const verdict = (start: string) =>
      reached.filter(({ what }) => what.startsWith(start)).map((one) => isReached(one, one.targets[0] ?? 0));
    expect(verdict('onnxruntime-web / gouache, 1')).toEqual([true]);
    expect(verdict('onnxruntime-web / gouache, 2')).toEqual([false]);
    expect(verdict('8 threads')).toEqual([false]);
  });
});
