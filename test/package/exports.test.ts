// What the installed package lets a program reach, by import and by require, in this Node and in a newer one.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { installedProject, runProgram } from './installed.js';
import { newerNode } from './newer_node.js';

// One name of each kind; both entries must see the same classes, or `instanceof` fails between them.
const REPORT = `
console.log(JSON.stringify({
  create: typeof root.Engine.create,
  from: typeof root.Tensor.from,
  loadModel: typeof root.loadModel,
  errors: root.ShapeError.prototype instanceof root.GouacheError,
  layer: new nn.Conv2d(3, 32, 9, { padding: 4, bias: false }) instanceof nn.Module,
  network: new root.StyleTransferNetwork() instanceof nn.Module,
}));`;
const EXPECTED = {
  create: 'function',
  from: 'function',
  loadModel: 'function',
  errors: true,
  layer: true,
  network: true,
};

const PROGRAMS = {
  'entries.mjs': `import * as root from 'gouache';\nimport * as nn from 'gouache/nn';\n${REPORT}`,
  'dynamic.cjs': `(async () => { const root = await import('gouache'); const nn = await import('gouache/nn');${REPORT} })();`,
  'require.cjs': `const root = require('gouache');\nconst nn = require('gouache/nn');\n${REPORT}`,
};

const FILES = {
  'gouache/wasm/simd128.wasm': 'dist/wasm/simd128.wasm',
  'gouache/wasm/relaxed-simd.wasm': 'dist/wasm/relaxed-simd.wasm',
  'gouache/wasm/simd128-threads.wasm': 'dist/wasm/simd128-threads.wasm',
  'gouache/wasm/relaxed-simd-threads.wasm': 'dist/wasm/relaxed-simd-threads.wasm',
  'gouache/models/mosaic.safetensors': 'models/mosaic.safetensors',
  'gouache/models/scream.safetensors': 'models/scream.safetensors',
  'gouache/models/starry-night.safetensors': 'models/starry-night.safetensors',
  'gouache/package.json': 'package.json',
};

async function expectEntries(name: string, source: string, node: string): Promise<void> {
  const project = await installedProject();
  // Node 20 warns that require of an ES module is experimental; an error would still be printed.
  const { code, stdout, stderr } = await runProgram(project, name, source, {
    node,
    flags: ['--no-warnings'],
  });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(EXPECTED);
}

describe.each(Object.entries(PROGRAMS))('%s reaches both entries', (name, source) => {
  test('in this Node', () => expectEntries(name, source, process.execPath));

  test('in a newer Node', async ({ skip }) => {
    const node = await newerNode();
    if (typeof node !== 'string') return expectEntries(`newer_${name}`, source, node.path);
    if (process.env.CI) throw new Error(node);
    skip(`NOT RUN: ${node}`);
  });
});

test('wasm files, weights and package.json resolve, by both resolvers', async () => {
  const project = await installedProject();
  const source = `
    import fs from 'node:fs';
    import { createRequire } from 'node:module';
    import { fileURLToPath } from 'node:url';
    const require = createRequire(import.meta.url);
    const found = {};
    for (const name of ${JSON.stringify(Object.keys(FILES))}) {
      const file = fileURLToPath(import.meta.resolve(name));
      found[name] = { import: file, require: require.resolve(name), bytes: fs.statSync(file).size > 0 };
    }
    console.log(JSON.stringify(found));`;
  const { stdout, stderr } = await runProgram(project, 'files.mjs', source);
  expect(stderr).toBe('');
  const expected = Object.entries(FILES).map(([name, place]) => {
    const file = path.join(project, 'node_modules/gouache', place);
    return [name, { import: file, require: file, bytes: true }];
  });
  expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected));
});

test.each(['gouache/dist/engine.js', 'gouache/graph/trace', 'gouache/wasm/simd128.js'])(
  '%s is private',
  async (name) => {
    const project = await installedProject();
    const file = `private_${name.replaceAll(/\W/g, '_')}.mjs`;
    const { code, stderr } = await runProgram(project, file, `await import('${name}');`);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  },
);

test('importing it starts nothing and prints nothing', async () => {
  const project = await installedProject();
  const source = `
    const idle = process.getActiveResourcesInfo().length;
    await import('gouache');
    console.log(process.getActiveResourcesInfo().length - idle);`;
  const { stdout, stderr } = await runProgram(project, 'idle.mjs', source);
  expect(stderr).toBe('');
  expect(stdout).toBe('0\n');
});
