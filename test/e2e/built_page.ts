// The page of page/, built by Vite in a project where the packed tarball is installed; and what the same code gives in Node.
import fs from 'node:fs';
import path from 'node:path';
import { build as bundle } from 'esbuild';
import type { Browser } from 'playwright-core';
import { inject } from 'vitest';
import { root } from '../../scripts/lib/steps.mjs';
import { once, projectOfItsOwn, run, runProgram } from '../package/installed.js';
import type { Page } from './page/main.js';
import type { EngineOptions, paint as paintFunction, run as runFunction } from './page/painting.js';
import { type Site, type SiteOptions, serve } from './server.js';

export type Painted = Awaited<ReturnType<typeof paintFunction>>;
export type Ran = Awaited<ReturnType<typeof runFunction>>;

/** The channel on which the dying worker waits for its end. */
export const DEATH_CHANNEL = 'gouache-test-death';

const endsIn = (worker: number, end: string): string => `{
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const { exports } = await instantiate(...given);
    let calls = 0;
    const plan_run = (plan, words, tiles, worker) => {
      if (worker === ${worker} && calls++ === 20) { ${end} }
      return exports.plan_run(plan, words, tiles, worker);
    };
    return { exports: { ...exports, plan_run } };
  };
}`;

/** Scripts of workers of which one goes wrong in the middle of a run, by what runs before the worker's own; browsers send no event when a worker is just gone. */
const ENDS = {
  pool_throws: endsIn(1, "throw new Error('told to die');"),
  pool_stands_still: endsIn(1, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);'),
  host_stands_still: endsIn(0, 'for (;;);'),
  host_falls_silent: `{
    const post = postMessage;
    globalThis.postMessage = (message, transfer) => {
      // Two are Engine.create's.
      if (message.id > 2) throw new DOMException('it could not be cloned', 'DataCloneError');
      post(message, transfer);
    };
  }`,
};

/** A worker of the page's own, at the address where a bundler's output lets gouache look for its. */
const FOREIGN = "onmessage = () => postMessage('heard'); postMessage({ id: 1, error: 'x' });";

/** Bundles the service worker of page/ as modules, since their `import()` is what such a worker refuses. */
async function buildServiceWorker(project: string, outdir: string): Promise<void> {
  await bundle({
    absWorkingDir: project,
    entryPoints: ['service.js'],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    logLevel: 'silent',
  });
  const wasm = path.join(project, 'node_modules/gouache/dist/wasm/simd128.wasm');
  fs.copyFileSync(wasm, path.join(outdir, 'simd128.wasm'));
  const weights = path.join(project, 'node_modules/gouache/models/mosaic.safetensors');
  fs.copyFileSync(weights, path.join(outdir, 'mosaic.safetensors'));
}

async function build(): Promise<void> {
  const project = await projectOfItsOwn('page');
  fs.cpSync(path.join(root, 'test/e2e/page'), project, { recursive: true });
  // Files that Vite copies as they are: a worker of the user's own address, and one that ends when it is told to.
  const worker = fs.readFileSync(
    path.join(project, 'node_modules/gouache/dist/platform/gouache_worker.js'),
    'utf8',
  );
  const dies = `new BroadcastChannel('${DEATH_CHANNEL}').onmessage = () => { throw new Error('told to die'); };\n`;
  fs.mkdirSync(path.join(project, 'public/own'), { recursive: true });
  fs.writeFileSync(path.join(project, 'public/own/worker.js'), worker);
  fs.writeFileSync(path.join(project, 'public/own/dying.js'), `${worker};\n${dies}`);
  fs.writeFileSync(path.join(project, 'public/own/foreign.js'), FOREIGN);
  for (const [name, prelude] of Object.entries(ENDS))
    fs.writeFileSync(path.join(project, `public/own/${name}.js`), `${prelude}\n${worker}`);
  await buildServiceWorker(project, path.join(project, 'public/service'));
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  // Vite would carry a small .wasm file in the page's own script; this page asks for its address.
  const { code, stdout, stderr } = await run(process.execPath, [vite, 'build', '--assetsInlineLimit', '0'], {
    cwd: project,
  });
  if (code !== 0) throw new Error(`vite build ended with ${code}\n${stdout}\n${stderr}`);
  fs.writeFileSync(path.join(project, 'vite.txt'), stdout + stderr);
}

export interface BuiltPage {
  /** The folder that a web server would serve. */
  readonly folder: string;
  /** What Vite said. */
  readonly log: string;
}

/** Builds the page, once for all test files. */
export async function builtPage(): Promise<BuiltPage> {
  await once('page', build);
  const project = path.join(inject('scratch'), 'page');
  return { folder: path.join(project, 'dist'), log: fs.readFileSync(path.join(project, 'vite.txt'), 'utf8') };
}

/** Calls one of the page's functions, in the page. */
export type Call = <K extends keyof Page>(name: K, ...args: Parameters<Page[K]>) => ReturnType<Page[K]>;

/** Serves the built page as `options` say, opens it, and closes both when `use` is done. */
export async function withPage<T>(
  browser: Browser,
  options: SiteOptions,
  use: (call: Call, site: Site) => Promise<T>,
): Promise<T> {
  const { folder } = await builtPage();
  const site = await serve(folder, options);
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  try {
    await page.goto(site.url);
    const call = ((name: string, ...args: unknown[]) =>
      page.evaluate(
        ([name, args]) => {
          const { gouachePage } = globalThis as unknown as {
            gouachePage: Record<string, (...args: unknown[]) => unknown>;
          };
          return gouachePage[name]?.(...args);
        },
        [name, args] as const,
      )) as Call;
    const result = await use(call, site);
    if (problems.length > 0) throw new Error(`errors that nobody caught: ${problems.join('; ')}`);
    return result;
  } finally {
    await page.close();
    await site.close();
  }
}

/** Runs `paint` or `run` of page/painting.js in Node, in the project whose tarball the page has too. */
async function inNode(name: string, call: string, relaxed: boolean): Promise<unknown> {
  await builtPage();
  const source = `
    import fs from 'node:fs';
    import { fileURLToPath } from 'node:url';
    import { paint, picture, run } from './painting.mjs';
    const weights = fs.readFileSync(fileURLToPath(import.meta.resolve('gouache/models/mosaic.safetensors')));
    console.log(JSON.stringify(await ${call}));`;
  const project = path.join(inject('scratch'), 'page');
  fs.copyFileSync(path.join(project, 'painting.js'), path.join(project, 'painting.mjs'));
  // Node 20 has relaxed SIMD behind a flag, which vitest's own processes carry where it is needed.
  const flags = relaxed ? process.execArgv.filter((flag) => flag.startsWith('--experimental-wasm')) : [];
  const { code, stdout, stderr } = await runProgram(project, name, source, { flags });
  if (code !== 0) throw new Error(`node ended with ${code}\n${stderr}`);
  return JSON.parse(stdout);
}

/** The same painting in Node. */
export async function paintInNode(
  options: EngineOptions & { build: string },
  width: number,
  height: number,
): Promise<Painted> {
  const call = `paint(weights, ${JSON.stringify(options)}, picture(${width}, ${height}))`;
  const name = `paint_${options.build}_${width}x${height}.mjs`;
  return (await inNode(name, call, options.build === 'relaxed-simd')) as Painted;
}

/** The same run of the network in Node. */
export async function runInNode(options: EngineOptions & { build: string }, side: number): Promise<Ran> {
  const call = `run(weights, ${JSON.stringify(options)}, ${side})`;
  return (await inNode(`run_${options.build}_${side}.mjs`, call, options.build === 'relaxed-simd')) as Ran;
}
