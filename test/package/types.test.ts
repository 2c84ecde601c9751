// The published types compile in a user's strict program: without the DOM, without Node's types, libraries checked too.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../scripts/lib/steps.mjs';
import { installedProject, run } from './installed.js';

const FIXTURE = path.join(root, 'test/package/fixture/consumer/index.ts');

const STRICT = {
  target: 'es2022',
  lib: ['es2022'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

test.each([
  { module: 'nodenext', moduleResolution: 'nodenext', file: 'index.mts' },
  // A CommonJS file that requires the package, as Node 20.19 can.
  { module: 'nodenext', moduleResolution: 'nodenext', file: 'index.cts' },
  { module: 'preserve', moduleResolution: 'bundler', file: 'index.ts' },
])('with moduleResolution $moduleResolution, in $file', async ({ module, moduleResolution, file }) => {
  const project = await installedProject();
  fs.copyFileSync(FIXTURE, path.join(project, file));
  const config = path.join(project, `tsconfig.${path.extname(file)}.json`);
  fs.writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...STRICT, module, moduleResolution }, files: [file] }),
  );
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await run(process.execPath, [tsc, '-p', config], { cwd: project });
  expect(stdout).toBe('');
  expect(code).toBe(0);
});
