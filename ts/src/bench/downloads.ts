/** How much a page downloads before its first picture, and how large the binaries are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT } from './places.js';

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

/** A build of the kernels. */
export interface Binary {
  readonly file: string;
  readonly bytes: number;
  readonly gzipped_bytes: number;
}

/** The builds in a package's folder, the largest download first. */
export function binariesOf(root: string): Binary[] {
  const folder = path.join(root, 'dist/wasm');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.wasm'))
    .map((file) => {
      const bytes = readFileSync(path.join(folder, file));
      return { file, bytes: bytes.length, gzipped_bytes: gzipped(bytes) };
    })
    .sort((a, b) => b.gzipped_bytes - a.gzipped_bytes);
}

/** Of the built package in a folder. A page fetches one build, the one that its browser runs best: the largest is counted. */
export async function gouacheDownload(root: string): Promise<Download> {
  const scripts = await coreScripts(root);
  const builds = binariesOf(root);
  return {
    engine: 'gouache',
    note: `${builds[0]?.file}, the largest of ${builds.length} builds; the core and the worker, minified`,
    wasm_bytes: builds[0]?.gzipped_bytes ?? Number.NaN,
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
  const all = [await gouacheDownload(ROOT)];
  for (const engine of rivals) all.push(await rivalDownload(engine));
  return all;
}
