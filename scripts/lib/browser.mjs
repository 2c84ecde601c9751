// Finds a Chrome, Chromium or Edge that is installed; on Debian, where that needs no asking, installs one.
import fs from 'node:fs';
import path from 'node:path';
import { ensurePackages } from './apt.mjs';
import { StepError } from './steps.mjs';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
];

/** Without a window's needs, and with nothing that talks to the network by itself. */
export const BROWSER_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function findBrowser() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = [
    ...NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))),
    ...ELSEWHERE,
  ];
  return candidates.find((file) => fs.existsSync(file)) ?? null;
}

/**
 * A browser's path: GOUACHE_BROWSER's, an installed one's, or Debian's chromium. null where there is none.
 * @throws {StepError} if GOUACHE_BROWSER names no file
 */
export async function ensureBrowser() {
  const named = process.env.GOUACHE_BROWSER;
  if (named) {
    if (fs.existsSync(named)) return named;
    throw new StepError(`GOUACHE_BROWSER names ${named}, which is not there`);
  }
  const found = findBrowser();
  if (found !== null) return found;
  try {
    await ensurePackages(['chromium']);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.log(error.message);
  }
  return findBrowser();
}
