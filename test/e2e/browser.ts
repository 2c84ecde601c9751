// An installed Chrome, Chromium or Edge without a window, with a fresh profile and nothing that talks to the network by itself.
import { type Browser, chromium } from 'playwright-core';
import { BROWSER_FLAGS, ensureBrowser } from '../../scripts/lib/browser.mjs';

/**
 * Starts the browser that GOUACHE_BROWSER names or that is installed. `npm test` leaves these tests out, and says so, where there is none;
 * whoever runs them by themselves gets an error.
 */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await ensureBrowser();
  if (executablePath === null)
    throw new Error('no Chrome, Chromium or Edge was found; GOUACHE_BROWSER may name one');
  return chromium.launch({ executablePath, headless: true, args: BROWSER_FLAGS });
}
