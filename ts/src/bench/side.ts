/** What is measured beside the networks: instance norm alone, and how much a page downloads. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Child, type NodeProgram } from './process.js';
import type { Task } from './protocol.js';
import { timesOf } from './statistics.js';

const NORM_SHAPE = [1, 32, 256, 256];
/** Pairs of the norm and memory.copy. */
const NORM_RUNS = 400;

export interface NormRow {
  readonly build: string;
  readonly note: string;
  readonly norm_ms: number | null;
  readonly copy_ms: number | null;
}

/** Instance norm + ReLU on 1x32x256x256, alternating with memory.copy of the same bytes: minima. */
export async function measureNorm(node: NodeProgram, build: Task['build']): Promise<NormRow> {
  const child = new Child(node, {
    subject: 'norm',
    build,
    precision: 'high',
    threads: 1,
    network: '',
    shape: NORM_SHAPE,
    model: '',
    positions: 0,
  });
  try {
    await child.ask({ do: 'prepare' });
    const all = await child.ask({ do: 'runs', most: NORM_RUNS * 2, ms: 10_000 });
    const [norm, copy] = [0, 1].map((turn) => timesOf(all.filter((_, index) => index % 2 === turn)).min);
    return { build, note: '', norm_ms: norm ?? null, copy_ms: copy ?? null };
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error);
    return { build, note, norm_ms: null, copy_ms: null };
  } finally {
    child.end();
  }
}

export interface Download {
  readonly engine: string;
  readonly note: string;
  readonly wasm_bytes: number;
  readonly script_bytes: number;
}

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** Every chunk that importing `gouache` fetches at once, minified by esbuild, and the worker's script. */
async function coreScripts(root: string): Promise<Uint8Array[]> {
  const { build } = await import('esbuild');
  const { metafile, outputFiles } = await build({
    entryPoints: [path.join(root, 'dist/bundle/index.js')],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    outdir: path.join(root, '.tools/bench/page'),
    write: false,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'silent',
  });
  const fetched = new Set<string>();
  const visit = (name: string): void => {
    if (fetched.has(name)) return;
    fetched.add(name);
    for (const { path: next, kind } of metafile.outputs[name]?.imports ?? []) {
      if (kind === 'import-statement') visit(next);
    }
  };
  const entry = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint !== undefined)?.[0];
  if (entry !== undefined) visit(entry);
  const chunks = outputFiles.filter((file) =>
    fetched.has(path.relative(root, file.path).replaceAll('\\', '/')),
  );
  return [
    ...chunks.map(({ contents }) => contents),
    readFileSync(path.join(root, 'dist/platform/gouache_worker.js')),
  ];
}

async function gouacheDownload(): Promise<Download> {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const scripts = await coreScripts(root);
  // A page fetches one build, the one that its browser runs best: the largest is counted.
  const folder = path.join(root, 'dist/wasm');
  const builds = readdirSync(folder)
    .filter((file) => file.endsWith('.wasm'))
    .map((file) => ({ file, bytes: gzipped(readFileSync(path.join(folder, file))) }))
    .sort((a, b) => b.bytes - a.bytes);
  return {
    engine: 'gouache',
    note: `${builds[0]?.file}, the largest of ${builds.length} builds; the core and the worker, minified`,
    wasm_bytes: builds[0]?.bytes ?? Number.NaN,
    script_bytes: scripts.reduce((sum, bytes) => sum + gzipped(bytes), 0),
  };
}

async function rivalDownload(engine: string): Promise<Download> {
  const url = new URL(`../../scripts/rivals/${engine}.mjs`, import.meta.url);
  const { downloads } = (await import(url.href)) as { downloads: readonly string[] };
  const bytes = (wasm: boolean): number =>
    downloads
      .filter((file) => file.endsWith('.wasm') === wasm)
      .reduce((sum, file) => sum + gzipped(readFileSync(file)), 0);
  return {
    engine,
    note: downloads.map((file) => path.basename(file)).join(', '),
    wasm_bytes: bytes(true),
    script_bytes: bytes(false),
  };
}

/** Bytes that a page fetches before its first picture, gzipped; models are not among them. */
export async function measureDownloads(rivals: readonly string[]): Promise<Download[]> {
  const all = [await gouacheDownload()];
  for (const engine of rivals) all.push(await rivalDownload(engine));
  return all;
}
