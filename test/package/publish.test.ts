// What npm would publish: publint and are-the-types-wrong find nothing, and the tarball holds the product alone.
import fs from 'node:fs';
import path from 'node:path';
import { build, transform } from 'esbuild';
import { expect, test } from 'vitest';
import { root } from '../../scripts/lib/steps.mjs';
import { installedProject, run, tarball } from './installed.js';

interface Manifest {
  readonly scripts?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>;
  readonly sideEffects?: boolean;
  readonly exports: Record<string, string | Record<string, string>>;
}

async function installedPackage(): Promise<string> {
  return path.join(await installedProject(), 'node_modules/gouache');
}

/** Every file of the installed package, by its path in it. */
async function files(): Promise<string[]> {
  const folder = await installedPackage();
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));
}

async function manifest(): Promise<Manifest> {
  return JSON.parse(fs.readFileSync(path.join(await installedPackage(), 'package.json'), 'utf8'));
}

test('publint finds nothing', async () => {
  const { publint } = await import('publint');
  const bytes = fs.readFileSync(await tarball());
  const { messages } = await publint({
    pack: { tarball: new Uint8Array(bytes).buffer },
    level: 'suggestion',
    strict: true,
  });
  expect(messages).toEqual([]);
});

test('are-the-types-wrong finds nothing', async () => {
  const attw = path.join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  // The package is ES modules only, with an exports map: the profile leaves out TypeScript's older ways to resolve.
  const args = [attw, await tarball(), '--profile', 'esm-only', '--no-definitely-typed', '--format', 'json'];
  const { code, stdout, stderr } = await run(process.execPath, args);
  expect(stderr).toBe('');
  const { analysis } = JSON.parse(stdout);
  expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(['.', './nn', './onnx']));
  const problems: { resolutionKind?: string }[] = analysis.problems;
  expect(
    problems.filter(({ resolutionKind }) => !/^node10$|^node16-cjs$/.test(resolutionKind ?? '')),
  ).toEqual([]);
  expect(code).toBe(0);
});

test('the tarball holds the product alone', async () => {
  const top = new Set((await files()).map((file) => file.split('/')[0]));
  const wanted = [
    'CHANGELOG.md',
    'LICENSE',
    'NOTICE',
    'README.md',
    'dist',
    'examples',
    'models',
    'package.json',
  ];
  expect([...top].sort()).toEqual(wanted);
  const strays = (await files()).filter((file) =>
    /\.(tsbuildinfo|tgz|rs|toml|map|test\..*)$|reference|bench\//.test(file),
  );
  expect(strays).toEqual([]);
});

test('installing it runs no script and brings no other package', async () => {
  const { scripts = {}, dependencies = {}, peerDependencies, peerDependenciesMeta } = await manifest();
  const hooks = Object.keys(scripts).filter((name) =>
    /^(pre|post)?(install|prepare)$|^prepublish/.test(name),
  );
  expect(hooks).toEqual([]);
  expect(dependencies).toEqual({});
  expect(Object.keys(peerDependencies ?? {})).toEqual(['sharp']);
  expect(peerDependenciesMeta?.sharp?.optional).toBe(true);
  const modules = path.join(await installedProject(), 'node_modules');
  expect(fs.readdirSync(modules).filter((name) => !name.startsWith('.'))).toEqual(['gouache']);
});

test('types come first and default last in every condition list', async () => {
  const { exports } = await manifest();
  expect(Object.keys(exports).sort()).toEqual([
    '.',
    './models/*',
    './nn',
    './onnx',
    './package.json',
    './wasm/*.wasm',
  ]);
  for (const target of Object.values(exports)) {
    if (typeof target === 'string') continue;
    const conditions = Object.keys(target);
    expect(conditions[0]).toBe('types');
    expect(conditions.at(-1)).toBe('default');
  }
});

test('no published module prints, waits at its top level, or names a folder of this machine', async () => {
  const folder = await installedPackage();
  const modules = (await files()).filter((file) => file.endsWith('.js') && file.startsWith('dist/'));
  expect(modules.length).toBeGreaterThan(15);
  const found: string[] = [];
  for (const file of modules) {
    const text = fs.readFileSync(path.join(folder, file), 'utf8');
    if (!file.startsWith('dist/bundle/cli/') && /\bconsole\./.test(text)) found.push(`${file} prints`);
    if (text.includes(root)) found.push(`${file} names a folder of this machine`);
    // CommonJS has no top-level await, so what waits there cannot be converted.
    await transform(text, { format: 'cjs', logLevel: 'silent' }).catch((error) =>
      found.push(`${file}: ${error.message}`),
    );
  }
  expect(found).toEqual([]);
});

test('the worker is one module without imports or exports', async () => {
  const worker = path.join(await installedPackage(), 'dist/platform/gouache_worker.js');
  const { metafile } = await build({
    entryPoints: [worker],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
  });
  expect(Object.values(metafile.inputs).map(({ imports }) => imports)).toEqual([[]]);
  expect(Object.values(metafile.outputs).map(({ exports }) => exports)).toEqual([[]]);
});

test('the worker and what starts it are of the version that the package has', async () => {
  const { version } = JSON.parse(
    fs.readFileSync(path.join(await installedPackage(), 'package.json'), 'utf8'),
  );
  const worker = path.join(await installedPackage(), 'dist/platform/gouache_worker.js');
  expect(fs.readFileSync(worker, 'utf8')).toContain(`gouache:"${version}"`);
});

test('the wasm binaries do not name folders of the machine that built them', async () => {
  const folder = path.join(await installedPackage(), 'dist/wasm');
  const binaries = fs.readdirSync(folder).filter((name) => name.endsWith('.wasm'));
  expect(binaries.sort()).toEqual(
    ['relaxed-simd-threads', 'relaxed-simd', 'simd128-threads', 'simd128']
      .map((name) => `${name}.wasm`)
      .sort(),
  );
  for (const name of binaries)
    expect(fs.readFileSync(path.join(folder, name)).includes(Buffer.from(root)), name).toBe(false);
});
