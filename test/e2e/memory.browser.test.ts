// What a page takes after engines that it has disposed of: no more with several threads than with one.
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.js';
import { withPage } from './built_page.js';
import { ISOLATING } from './server.js';

const MIB = 2 ** 20;
const ENGINES = 8;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** Resident bytes of the browser's largest page. */
async function pageBytes(): Promise<number> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  const pages = processInfo.filter(({ type }) => type === 'renderer');
  const status = pages.map(({ id }) => fs.readFileSync(`/proc/${id}/status`, 'utf8'));
  return Math.max(...status.map((text) => Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]) * 1024));
}

// Other systems tell of a process's memory in other ways.
test.runIf(process.platform === 'linux')(
  'the memory of engines that are disposed does not wait for a garbage collection',
  async () => {
    await withPage(browser, { headers: ISOLATING }, async (call) => {
      const after: number[] = [];
      for (let time = 0; time < ENGINES; time++) {
        const { memoryBytes, threads } = await call('useAndDispose', { threads: 2 });
        expect(threads).toBe(2);
        expect(memoryBytes).toBeGreaterThan(48 * MIB);
        // The browser ends its threads by itself, and tells nobody.
        await sleep(300);
        after.push(await pageBytes());
      }
      const [first = Number.NaN, ...later] = after;
      expect(Math.max(...later) - first).toBeLessThan(200 * MIB);
    });
  },
);
