// An operator without an ONNX form, or a line that it has none, does not compile.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/lib/steps.mjs';

/** What the compiler says of a copy of the sources with another list, by default of operators. */
function errors(change: (list: string) => string, file = 'ts/src/graph/operators/index.ts'): Promise<string> {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'gouache-forms-'));
  onTestFinished(() => fs.rmSync(copy, { recursive: true }));
  fs.cpSync(path.join(root, 'ts'), path.join(copy, 'ts'), { recursive: true });
  for (const file of ['package.json', 'tsconfig.base.json', 'tsconfig.json'])
    fs.copyFileSync(path.join(root, file), path.join(copy, file));
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
  const list = path.join(copy, file);
  fs.writeFileSync(list, change(fs.readFileSync(list, 'utf8')));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, '-p', copy, '--noEmit'], { cwd: copy }, (_, stdout) => resolve(stdout));
  });
}

test('the list of forms is that of operators', async () => {
  expect(await errors((list) => list)).toBe('');
  const said = await errors((list) =>
    list
      .replace('  view: View;\n', '  view: View;\n  made_up: View;\n')
      .replace('  view,\n', '  view,\n  made_up: view,\n'),
  );
  expect(said).toMatch(/^ts\/src\/onnx\/ops\/index\.ts.*'made_up' is missing/);
});

test('a new step of pointwise programs lacks its ONNX line, and nothing else', async () => {
  const said = await errors(
    (list) => list.replace('  abs: {', '  made_up: { code: 99, args: 0 },\n  abs: {'),
    'ts/src/ops/records.gen.ts',
  );
  expect(said.trim().split('\n')).toEqual([
    expect.stringMatching(/^ts\/src\/onnx\/ops\/pointwise\.ts.*'made_up' is missing/),
  ]);
});
