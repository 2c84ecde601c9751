/** gouache in an isolated page of an installed Chromium: one page a number of threads, taking turns; outputs are compared first. */
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { Case } from './cases.js';
import type { Prepared, Task } from './protocol.js';
import { compare, type Reference } from './reference.js';
import { serve } from './site.js';
import { shuffled, type Times, timesOf } from './statistics.js';

/** As in Node (compare.ts). */
const WARM_UP_MS = 4000;
const RUNS_A_TURN = 3;

export interface BrowserRow {
  readonly case: string;
  readonly browser: string;
  readonly build: string;
  readonly threads: number;
  readonly note: string;
  readonly difference: number | null;
  readonly ms: Times | null;
}

/** scripts/lib/browser.mjs */
interface BrowserFinder {
  ensureBrowser(): Promise<string | null>;
  readonly BROWSER_FLAGS: readonly string[];
}

export interface BrowserOptions {
  readonly root: string;
  readonly build: Task['build'];
  readonly threads: readonly number[];
  readonly rounds: number;
  readonly referenceOf: (name: string) => Reference;
  readonly random: () => number;
  readonly say: (text: string) => void;
}

interface Tab {
  readonly page: Page;
  readonly row: BrowserRow;
  readonly ms: number[];
}

async function open(
  page: Page,
  url: string,
  task: Task,
  reference: Reference,
  row: BrowserRow,
): Promise<Tab> {
  const tab = (change: Partial<BrowserRow>): Tab => ({ page, row: { ...row, ...change }, ms: [] });
  try {
    await page.goto(url);
    await page.waitForFunction('typeof bench !== "undefined"');
    const prepared: Prepared = await page.evaluate(`bench.prepare(${JSON.stringify(task)})`);
    if (prepared.threads !== task.threads)
      return tab({ note: `computes with ${prepared.threads} (${prepared.threadsReason})` });
    const { difference, agrees } = compare(prepared.sample, reference);
    if (!agrees)
      return tab({ difference, note: `off by ${difference.toExponential(1)} from float64: no time` });
    for (const start = performance.now(); performance.now() - start < WARM_UP_MS; )
      await page.evaluate('bench.run()');
    return tab({ difference });
  } catch (error) {
    return tab({ note: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) });
  }
}

/** One case: a page for each number of threads, in random turns. */
async function measureCase(
  what: Case,
  newPage: () => Promise<Page>,
  at: { readonly url: string; readonly browser: string },
  options: BrowserOptions,
): Promise<BrowserRow[]> {
  const { root, build, rounds, random } = options;
  const reference = options.referenceOf(what.name);
  const model = `/${path.relative(root, what.model.gouache).replaceAll(path.sep, '/')}`;
  const tabs: Tab[] = [];
  for (const threads of options.threads) {
    const row: BrowserRow = {
      ...{ case: what.name, browser: at.browser, build, threads },
      ...{ note: '', difference: null, ms: null },
    };
    const { network, shape } = what;
    const positions = reference.values.length;
    const task: Task = {
      subject: 'gouache',
      build,
      precision: 'high',
      threads,
      network,
      shape,
      model,
      positions,
    };
    tabs.push(await open(await newPage(), at.url, task, reference, row));
  }
  const running = tabs.filter(({ row }) => row.note === '');
  for (let round = 0; round < rounds; round++) {
    for (const { page, ms } of shuffled(running, random)) {
      // A page behind another one is slowed down.
      await page.bringToFront();
      for (let run = 0; run < RUNS_A_TURN; run++) ms.push(await page.evaluate('bench.run()'));
    }
  }
  for (const { page } of tabs) await page.close();
  return tabs.map(({ row, ms }) => (ms.length === 0 ? row : { ...row, ms: timesOf(ms) }));
}

/** All cases in one browser; one row that says why where there is none. */
export async function measureInBrowser(
  cases: readonly Case[],
  options: BrowserOptions,
): Promise<BrowserRow[]> {
  const url = new URL('../../scripts/lib/browser.mjs', import.meta.url);
  const { ensureBrowser, BROWSER_FLAGS } = (await import(url.href)) as BrowserFinder;
  const executablePath = await ensureBrowser();
  if (executablePath === null) {
    const note = 'no Chrome, Chromium or Edge was found; GOUACHE_BROWSER may name one';
    const nothing = { case: '', browser: '', build: options.build, threads: 1, difference: null, ms: null };
    return [{ ...nothing, note }];
  }
  const { chromium } = await import('playwright-core');
  const site = await serve(options.root);
  const browser = await chromium.launch({ executablePath, headless: true, args: [...BROWSER_FLAGS] });
  try {
    const rows: BrowserRow[] = [];
    for (const what of cases) {
      options.say(`${what.name} in Chromium ${browser.version()}`);
      const context = await browser.newContext();
      const at = { url: site.url, browser: `Chromium ${browser.version().split('.')[0]}` };
      rows.push(...(await measureCase(what, () => context.newPage(), at, options)));
      await context.close();
    }
    return rows;
  } finally {
    await browser.close();
    site.close();
  }
}
