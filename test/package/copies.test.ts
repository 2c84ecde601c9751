// Two copies of gouache in one program, as two versions in node_modules give: what one refuses of the other's, it says so.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectOfItsOwn, runProgram } from './installed.js';

const REPORT = `
import { Engine, loadModel, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import * as other from './other/index.js';
import fs from 'node:fs';

const engine = await Engine.create({ worker: false });
const x = Tensor.from([1, 2], [2]);
const weights = fs.readFileSync(new URL(import.meta.resolve('gouache/models/mosaic.safetensors')));
const image = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
const cases = {
  tensor: () => engine.run((value) => value.relu(), other.Tensor.from([1, 2], [2])),
  module: () => engine.run(new other.nn.ReLU(), x),
  model: () => engine.paint(other.loadModel(weights), image),
  child: () => new nn.Sequential(new other.nn.ReLU()),
  operand: () => engine.run((value) => value.add(new other.nn.Parameter([2])), x),
  weight: () => engine.run((value) => nn.functional.groupNorm(value, 1, { weight: new other.nn.Parameter([2]) }), Tensor.from([1, 2], [1, 2])),
  values: () => new nn.Parameter(other.Tensor.from([1, 2], [2])),
  // Of this copy, and none of the others' business.
  mine: () => engine.run((value) => value.relu(), new nn.Parameter([2])),
};
const hints = {};
for (const [name, refused] of Object.entries(cases)) hints[name] = await Promise.resolve().then(refused).catch((error) => error.hint);
await engine.dispose();
console.log(JSON.stringify(hints));`;

test('the hint says that there are two', async () => {
  const project = await projectOfItsOwn('copies');
  const other = path.join(project, 'other');
  fs.cpSync(path.join(project, 'node_modules/gouache'), path.join(other, 'node_modules/gouache'), {
    recursive: true,
  });
  fs.writeFileSync(
    path.join(other, 'index.js'),
    "export { loadModel, Tensor } from 'gouache';\nexport * as nn from 'gouache/nn';\n",
  );
  const { stdout, stderr } = await runProgram(project, 'copies.mjs', REPORT, { flags: ['--no-warnings'] });
  expect(stderr).toBe('');
  const { mine, ...hints } = JSON.parse(stdout) as Record<string, string>;
  expect(Object.keys(hints)).toHaveLength(7);
  for (const [name, hint] of Object.entries(hints)) expect(hint, name).toContain('npm ls gouache');
  expect(mine).toBe('Make one with Tensor.from(data, shape).');
});
