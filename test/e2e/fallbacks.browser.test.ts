// What a page's policy or server may forbid: the worker then starts from its text, or the caller's thread computes, and info() says why.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.js';
import { type Call, DEATH_CHANNEL, type Painted, paintInNode, withPage } from './built_page.js';
import { ISOLATING, type SiteOptions } from './server.js';

const SIDE = 40;
const BUILD = 'simd128';
const SCRIPTS = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:";

let browser: Browser;
let expected: string;
beforeAll(async () => {
  browser = await launchBrowser();
  expected = (await paintInNode({ build: BUILD }, SIDE, SIDE)).rgba;
});
afterAll(() => browser?.close());

const isWorkerFile = (path: string) => /worker[^/]*\.js$/.test(path) && !/source/.test(path);

const THREADS = 3;

/** What a page gives that is not cross-origin isolated, and one that is: asserts how many threads each has computed with. */
async function bothWays(
  site: SiteOptions,
  isolatedThreads: number,
  use: (call: Call) => Promise<Painted>,
): Promise<Painted[]> {
  const painted: Painted[] = [];
  for (const isolated of [false, true]) {
    const headers = { ...site.headers, ...(isolated ? ISOLATING : {}) };
    await withPage(browser, { ...site, headers }, async (call) => {
      expect(await call('isolated')).toBe(isolated);
      const one = await use(call);
      expect(one.info.threads).toBe(isolated ? isolatedThreads : 1);
      if (!isolated) expect(one.info.threadsReason).toContain('not cross-origin isolated');
      painted.push(one);
    });
  }
  return painted;
}

function policy(text: string): { headers: Record<string, string> } {
  return { headers: { 'content-security-policy': text } };
}

test.each([
  {
    name: 'a policy that allows scripts of the page alone',
    site: policy(SCRIPTS),
    host: 'worker',
    warns: false,
  },
  {
    name: 'a policy that forbids the worker file',
    site: policy(`${SCRIPTS}; worker-src blob:`),
    host: 'worker',
    warns: true,
  },
  { name: 'a server without the worker file', site: { gone: isWorkerFile }, host: 'worker', warns: true },
  {
    name: 'a policy that forbids every worker',
    site: policy(`${SCRIPTS}; worker-src 'none'`),
    host: 'caller',
    warns: true,
  },
])('$name: computed by the $host, isolated and not', async ({ site, host, warns }) => {
  const painted = await bothWays(site, host === 'worker' ? THREADS : 1, (call) =>
    call('paint', { build: BUILD, threads: THREADS }, SIDE, SIDE),
  );
  for (const { info, rgba, warnings } of painted) {
    expect(info.host).toBe(host);
    expect(rgba).toBe(expected);
    expect(warnings).toHaveLength(warns ? 1 : 0);
    if (warns) expect(info.hostReason).toMatch(/no worker from gouache_worker\.js: \S/);
    if (host === 'caller') expect(info.hostReason).toMatch(/no worker from the worker's text: \S/);
  }
});

test('{ worker: false } starts no worker', async () => {
  await withPage(browser, {}, async (call, site) => {
    const painted = await call('paint', { build: BUILD, worker: false }, SIDE, SIDE);
    expect(painted.info).toMatchObject({
      host: 'caller',
      hostReason: expect.stringContaining('worker: false'),
    });
    expect(painted.rgba).toBe(expected);
    expect(painted.warnings).toEqual([]);
    expect(site.requests.filter(isWorkerFile)).toEqual([]);
  });
});

test('workerUrl takes the place of the worker file', async () => {
  await withPage(browser, {}, async (call, site) => {
    const painted = await call('paint', { build: BUILD, workerUrl: '/own/worker.js' }, SIDE, SIDE);
    expect(painted.info).toMatchObject({
      host: 'worker',
      hostReason: expect.stringContaining('/own/worker.js'),
    });
    expect(painted.rgba).toBe(expected);
    expect(site.requests.filter(isWorkerFile)).toEqual(['/own/worker.js']);
  });
});

test('a script of the page’s own where the worker should be is given up at once', async () => {
  const options = { build: BUILD, workerUrl: '/own/foreign.js', threads: THREADS } as const;
  const painted = await bothWays({}, THREADS, (call) => call('paint', options, SIDE, SIDE));
  for (const { info, rgba } of painted) {
    expect(info.host).toBe('worker');
    expect(info.hostReason).toMatch(/no worker from \/own\/foreign\.js: .*not the worker of gouache/);
    expect(rgba).toBe(expected);
  }
});

test('a service worker paints on its own thread, with a wasm file; without one, the error says so', async () => {
  await withPage(browser, {}, async (call) => {
    const painted = await call('paintInServiceWorker', SIDE, true);
    expect(painted).toMatchObject({ rgba: expected, info: { host: 'caller', threads: 1 } });
    expect(painted.info.hostReason).toMatch(
      /no worker from gouache_worker\.js: .*no worker from the worker's text: /,
    );
    expect(painted.warnings).toHaveLength(1);
    const refused = await call('paintInServiceWorker', SIDE, false);
    expect(refused).toMatchObject({ code: 'unsupported', message: expect.stringContaining('{ wasm }') });
  });
});

test('a policy that forbids WebAssembly is named in the error', async () => {
  const site = policy("default-src 'self'; script-src 'self'; img-src data:");
  const refusal = await withPage(browser, site, (call) => call('refusal', { build: BUILD }));
  expect(refusal).toMatchObject({ name: 'UnsupportedError', code: 'unsupported' });
  expect(refusal?.message).toContain('wasm-unsafe-eval');
});

test('a worker that dies rejects the run, and another engine goes on', async () => {
  const options = { workerUrl: '/own/dying.js', threads: 1 };
  const result = await withPage(browser, {}, (call) => call('crash', options, DEATH_CHANNEL));
  expect(result).toMatchObject({ crashed: true, stays: true, other: 32 * 32 * 4 });
  expect(result.message).toContain('told to die');
});

test.each([
  { script: 'pool_throws', threads: THREADS, reason: 'told to die' },
  { script: 'pool_stands_still', threads: THREADS, reason: 'thread 1 has not moved for 10 s' },
  { script: 'host_stands_still', threads: 1, reason: 'thread 0 has not moved for 10 s' },
  { script: 'host_falls_silent', threads: 1, reason: 'DataCloneError' },
])(
  '$script: one of $threads threads rejects the run, and another engine goes on',
  async ({ script, threads, reason }) => {
    const options = { workerUrl: `/own/${script}.js`, threads };
    // A page that is not isolated has nothing but messages to go by.
    const site = { headers: threads === 1 ? {} : ISOLATING };
    const result = await withPage(browser, site, (call) => call('crash', options, DEATH_CHANNEL));
    expect(result).toMatchObject({ threads, crashed: true, stays: true, other: 32 * 32 * 4 });
    expect(result.message).toContain(reason);
  },
);
