// What a page's policy or server may forbid: the worker then starts from its text, or the caller's thread computes, and info() says why.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.js';
import { DEATH_CHANNEL, paintInNode, withPage } from './built_page.js';

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
])('$name: computed by the $host', async ({ site, host, warns }) => {
  await withPage(browser, site, async (call) => {
    const painted = await call('paint', { build: BUILD }, SIDE, SIDE);
    expect(painted.info.host).toBe(host);
    expect(painted.rgba).toBe(expected);
    expect(painted.warnings).toHaveLength(warns ? 1 : 0);
    if (warns) expect(painted.info.hostReason).toMatch(/no worker from worker\.js: \S/);
    if (host === 'caller') expect(painted.info.hostReason).toMatch(/no worker from the worker's text: \S/);
  });
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

test('a policy that forbids WebAssembly is named in the error', async () => {
  const site = policy("default-src 'self'; script-src 'self'; img-src data:");
  const refusal = await withPage(browser, site, (call) => call('refusal', { build: BUILD }));
  expect(refusal).toMatchObject({ name: 'UnsupportedError', code: 'unsupported' });
  expect(refusal?.message).toContain('wasm-unsafe-eval');
});

test('a worker that dies rejects the run, and another engine goes on', async () => {
  const result = await withPage(browser, {}, (call) => call('crash', '/own/dying.js', DEATH_CHANNEL));
  expect(result).toMatchObject({ crashed: true, stays: true, other: 32 * 32 * 4 });
  expect(result.message).toContain('told to die');
});
