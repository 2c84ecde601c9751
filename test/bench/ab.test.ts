// `npm run bench:ab` as a program: both packages run, what differs gets no time, and a failure fails. And its pure parts.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readAbOptions } from '../../dist/bench/ab_options.js';
import { UsageError } from '../../dist/bench/options.js';
import { apartOf } from '../../dist/bench/pair_instrument.js';
import { boundedMedian, randomOf } from '../../dist/bench/statistics.js';
import { root } from '../../scripts/lib/steps.mjs';
import { run } from '../package/installed.js';

const AB = fileURLToPath(new URL('../../dist/bench/ab.js', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'gouache-ab-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const tiny = ['--cases', 'style-64', '--threads', '1', '--pairs', '5'];
const ab = (...args: readonly string[]) => run(process.execPath, [AB, ...tiny, ...args]);

/** The built package, whose style network adds a number to its output. */
function packageThatAdds(name: string, number: number): string {
  const folder = path.join(scratch, name);
  const dist = path.join(folder, 'dist');
  mkdirSync(path.join(dist, 'bundle'), { recursive: true });
  for (const part of ['package.json', 'dist/wasm', 'dist/platform'])
    symlinkSync(path.join(root, part), path.join(folder, part));
  const real = JSON.stringify(path.join(root, 'dist/bundle/index.js'));
  writeFileSync(
    path.join(dist, 'bundle/index.js'),
    `export * from ${real};
    import { StyleTransferNetwork as Real } from ${real};
    export class StyleTransferNetwork extends Real {
      forward(x) { return super.forward(x).add(${number}); }
    }`,
  );
  return folder;
}

describe('a comparison', () => {
  test('of a build with itself finds the same bits, and its pairs', async () => {
    const { code, stdout, stderr } = await ab('--before', root);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /\| style-64, simd128, 1 thread +\| same bits +\| +5 \|( +\d+\.\d+ \|){6} +(yes|NO) \|/,
    );
    expect(stdout).toMatch(/\| simd128\.wasm +\| +(\d+\.\d) \| +\1 \|/);
    expect(stdout).toMatch(/\| with the largest \.wasm, gzipped +\| +(\d+\.\d) \| +\1 \|/);
    expect(code).toBe(0);
  });

  test('of outputs that differ within the tolerance says by how much', async () => {
    const { code, stdout } = await ab('--before', packageThatAdds('close', 2 ** -14));
    expect(stdout).toMatch(/\| differ by 6\.1e-5 +\| +5 \|/);
    expect(code).toBe(0);
  });

  test('of outputs that differ by more gives no time, says so, and fails', async () => {
    const { code, stdout } = await ab('--before', root, '--after', packageThatAdds('far', 2 ** -12));
    expect(stdout).toContain('FAILED: the outputs differ by 2.4e-4');
    expect(stdout).toMatch(/\| FAILED +\| +0 \|( +\|){7}/);
    expect(code).toBe(1);
  });

  test('of cold starts takes a fresh process each', async () => {
    const { code, stdout } = await ab('--before', root, '--cold');
    expect(stdout).toMatch(/\| right +\| +5 \|/);
    expect(code).toBe(0);
  });

  test('with what is neither a commit nor a built folder is refused', async () => {
    for (const name of ['no-such-commit', scratch, '--output=x']) {
      const { code, stdout, stderr } = await ab(`--before=${name}`);
      expect(stdout).toBe('');
      expect(stderr).toContain(`'${name}' is neither a commit nor a folder where 'npm run build' has run`);
      expect(code).toBe(2);
    }
  });
});

describe('the command line', () => {
  const before = ['--before', 'HEAD'];
  test.each([
    [[]],
    [[...before, '--pairs', '4']],
    [[...before, '--cases', 'style-100']],
    [[...before, '--builds', 'simd']],
    [[...before, '--node', 'new']],
    [[...before, '--sizes', '64']],
  ])('refuses %j', (args) => {
    expect(() => readAbOptions(args)).toThrow(UsageError);
  });

  test('has defaults for warm runs and for cold starts', () => {
    const common = {
      before: 'HEAD',
      after: null,
      threads: [1, 2],
      builds: ['simd128'],
      node: 'current',
      check: false,
    };
    const cases = ['style-256', 'style-512', 'cyclegan-256'];
    expect(readAbOptions(before)).toEqual({ ...common, cases, pairs: 60, cold: false });
    expect(readAbOptions([...before, '--cold'])).toEqual({
      ...common,
      cases: ['style-256'],
      pairs: 20,
      cold: true,
    });
  });
});

describe('figures', () => {
  test('the bound of a median is the order statistic that tables of the sign test give', () => {
    const upTo = (n: number) => Array.from({ length: n }, (_, i) => n - i);
    const bounds = [4, 5, 8, 20, 60, 2000].map((n) => boundedMedian(upTo(n)).bound);
    expect(bounds).toEqual([Number.NaN, 5, 7, 15, 37, 1038]);
    expect(boundedMedian(upTo(60)).median).toBe(30.5);
  });

  test('the true median lies below its bound as often as promised, in a skewed distribution too', () => {
    const random = randomOf(1);
    const times = 4000;
    let below = 0;
    for (let time = 0; time < times; time++) {
      const sample = Array.from({ length: 60 }, () => -Math.log(1 - random()));
      if (boundedMedian(sample).bound >= Math.LN2) below++;
    }
    // 0.954 by the binomial distribution, and four standard errors of 4000 trials.
    expect(below / times).toBeGreaterThan(0.94);
    expect(below / times).toBeLessThan(0.968);
  });

  test('outputs are of the same bits, or so far apart', () => {
    const of = (...values: number[]) => Float32Array.of(...values);
    expect(apartOf(of(1, Number.NaN), of(1, Number.NaN)).sameBits).toBe(true);
    expect(apartOf(of(0), of(-0))).toEqual({ sameBits: false, largest: 0 });
    expect(apartOf(of(1, 2), of(1.5, 2))).toEqual({ sameBits: false, largest: 0.5 });
    expect(apartOf(of(1), of(Number.NaN))).toEqual({ sameBits: false, largest: Number.NaN });
    expect(apartOf(of(1, 2), of(1))).toEqual({ sameBits: false, largest: Number.NaN });
  });
});
