// A page built by Vite paints in a browser what Node paints, in a worker, without holding the page up.
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from './browser.js';
import { builtPage, paintInNode, runInNode, withPage } from './built_page.js';
import { ISOLATING } from './server.js';

// The relaxed build may contract a multiply-add on one machine and not on another: float32 rounding, a few steps deep.
const RELAXED_TOLERANCE = 1e-5;

// Odd sizes, so that borders, crops and vector tails take part.
const [WIDTH, HEIGHT] = [123, 77];
const SIDE = 68;

const BUILDS = ['simd128', 'relaxed-simd'] as const;
const WAYS = BUILDS.flatMap((build) => [false, true].map((isolated) => ({ build, isolated })));
/** Asked for everywhere; what a page that is not isolated makes one of. */
const THREADS = 3;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** Names of the assets that carry each build, found by their content. */
function chunksOf(folder: string): Record<string, string[]> {
  const assets = path.join(folder, 'assets');
  const scripts = fs.readdirSync(assets).filter((name) => name.endsWith('.js'));
  const chunks: Record<string, string[]> = {};
  for (const build of ['simd128', 'relaxed-simd', 'simd128-threads', 'relaxed-simd-threads']) {
    const binary = path.join(folder, `../node_modules/gouache/dist/wasm/${build}.wasm`);
    const base64 = fs.readFileSync(binary).toString('base64');
    chunks[build] = scripts
      .filter((name) => fs.readFileSync(path.join(assets, name), 'utf8').includes(base64))
      .map((name) => `/assets/${name}`);
  }
  return chunks;
}

function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

test('vite builds the page without a warning, one chunk a build', async () => {
  const { folder, log } = await builtPage();
  expect(log).not.toMatch(/warn|externalized|error/i);
  const chunks = chunksOf(folder);
  for (const [build, names] of Object.entries(chunks)) expect(names, build).toHaveLength(1);
  expect(new Set(Object.values(chunks).flat()).size).toBe(4);
});

describe.each(WAYS)('build $build, isolated: $isolated', ({ build, isolated }) => {
  const site = { headers: isolated ? ISOLATING : {} };
  const options = { build, threads: THREADS };
  /** What the page must say that it ran. */
  const ran = { build, threads: isolated ? THREADS : 1, host: 'worker' };

  test('only its chunk is downloaded, and it computes in a worker', async () => {
    const { folder } = await builtPage();
    const chunks = Object.values(chunksOf(folder)).flat();
    await withPage(browser, site, async (call, served) => {
      expect(await call('isolated')).toBe(isolated);
      expect(served.requests.filter((request) => chunks.includes(request))).toEqual([]);
      const painted = await call('paint', options, 32, 32);
      expect(painted.info).toMatchObject(ran);
      if (!isolated) expect(painted.info.threadsReason).toContain('not cross-origin isolated');
      expect(painted.warnings).toEqual([]);
      const wanted = chunksOf(folder)[isolated ? `${build}-threads` : build];
      expect(served.requests.filter((request) => chunks.includes(request))).toEqual(wanted);
      expect(served.requests.filter((request) => request.endsWith('.wasm'))).toEqual([]);
    });
  });

  test('the network gives the same values as in Node', async () => {
    const expected = await runInNode({ build }, SIDE);
    expect(expected.info.build).toBe(build);
    const got = await withPage(browser, site, (call) => call('run', options, SIDE));
    expect(got.info).toMatchObject(ran);
    expect(got.shape).toEqual(expected.shape);
    const [x, y] = [floats(got.values), floats(expected.values)];
    expect(x.length).toBe(3 * SIDE * SIDE);
    if (build === 'simd128') {
      expect(got.values).toBe(expected.values);
      return;
    }
    const worst = x.reduce((most, value, i) => {
      const wanted = y[i] ?? Number.NaN;
      return Math.max(most, Math.abs(value - wanted) / Math.max(1, Math.abs(wanted)));
    }, 0);
    expect(worst).toBeLessThanOrEqual(RELAXED_TOLERANCE);
  });

  test('the painting has the same bytes as in Node', async () => {
    const expected = await paintInNode({ build }, WIDTH, HEIGHT);
    expect(expected.info.build).toBe(build);
    const got = await withPage(browser, site, (call) => call('paint', options, WIDTH, HEIGHT));
    expect(got.info).toMatchObject(ran);
    expect([got.width, got.height]).toEqual([WIDTH, HEIGHT]);
    const [a, b] = [Buffer.from(got.rgba, 'base64'), Buffer.from(expected.rgba, 'base64')];
    expect(a.length).toBe(WIDTH * HEIGHT * 4);
    // Not two empty paintings.
    expect(new Set(a).size).toBeGreaterThan(100);
    if (build === 'simd128') {
      expect(a.equals(b)).toBe(true);
      return;
    }
    // Where a value lies within the tolerance of a half, it may round to either side.
    expect(a.length).toBe(b.length);
    expect(Math.max(...a.map((byte, i) => Math.abs(byte - (b[i] ?? -1))))).toBeLessThanOrEqual(1);
  });
});

test('the best build is chosen without being asked, and as many threads as the browser tells of', async () => {
  for (const headers of [{}, ISOLATING]) {
    const painted = await withPage(browser, { headers }, (call) => call('paint', {}, 32, 32));
    expect(painted.info.build).toBe('relaxed-simd');
    expect(painted.info.buildReason).not.toBe('');
    const most = Math.min(8, availableParallelism());
    expect(painted.info.threads).toBe(headers === ISOLATING ? most : 1);
  }
});

test('a wasm file of the package, fetched by the page, computes the same', async () => {
  const expected = await paintInNode({ build: 'simd128' }, 32, 32);
  const { folder } = await builtPage();
  const chunks = Object.values(chunksOf(folder)).flat();
  await withPage(browser, {}, async (call, site) => {
    const got = await call('paintWithGivenWasm', 32, 32);
    expect(got.info.build).toBe('custom');
    expect(got.rgba).toBe(expected.rgba);
    expect(site.requests.filter((request) => chunks.includes(request))).toEqual([]);
  });
});

test.each(['srgb', 'display-p3'] as const)('a painting of a canvas of %s is of that space', async (space) => {
  expect(await withPage(browser, {}, (call) => call('colorSpaceOfPainting', space))).toBe(space);
});

describe('a 16 ms timer on the page keeps ticking', () => {
  // A page that computes by itself is held up for as long as it computes, here at least four times this bound, in every attempt.
  // A busy machine holds a page up for longer than six ticks now and then, but not in each of five attempts.
  const LONGEST_GAP_MS = 100;
  const SHORTEST_RUN_MS = 4 * LONGEST_GAP_MS;
  const ATTEMPTS = 5;

  test.each([
    { options: {}, headers: {}, host: 'worker' },
    { options: { threads: 2 }, headers: ISOLATING, host: 'worker' },
    { options: { worker: false }, headers: {}, host: 'caller' },
  ] as const)('while the $host computes, with $options', async ({ options, headers, host }) => {
    const gaps: number[] = [];
    await withPage(browser, { headers }, async (call) => {
      let side = 256;
      while (gaps.length < ATTEMPTS && !gaps.some((gap) => gap < LONGEST_GAP_MS)) {
        const run = await call('paintWhileTicking', options, side, side);
        expect(run.host).toBe(host);
        if (run.took_ms < SHORTEST_RUN_MS) side *= 2;
        else gaps.push(run.longest_gap_ms);
      }
    });
    expect(Math.min(...gaps), `longest gaps of ${gaps.length} runs: ${gaps.join(', ')} ms`).toBeLessThan(
      LONGEST_GAP_MS,
    );
  });
});
