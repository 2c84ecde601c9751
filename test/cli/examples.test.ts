/** The examples run, and their claims hold: each ends with exit code 1 when one does not. The chapter shows the example's own lines. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from './command_line.js';

const repository = new URL('../../', import.meta.url);
const folder = makeFolder();
afterAll(folder.remove);

async function run(example: string): Promise<string> {
  const file = fileURLToPath(new URL(`examples/${example}`, repository));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: folder.path });
  expect(stderr).toBe('');
  return stdout;
}

test('instance norm from scratch', async () => {
  expect(await run('instance_norm_from_scratch.mjs')).toMatch(
    /^(\[.*\]: from scratch .* differ by \S+ at most\n){3}$/,
  );
});

test('the demo prints the axes, the statistics and the errors, and writes its picture', async () => {
  const stdout = await run('demo.mjs');
  for (const row of [
    /batch +C /,
    /layer +N /,
    /instance +N x C /,
    /group +N x G /,
    /mixed/,
    /unchanged/,
    /each on its own/,
  ]) {
    expect(stdout).toMatch(row);
  }
  expect(stdout).toMatch(/scream: reflection padding .* 0\.\d+ +the same/);
  const { format, width } = await sharp(join(folder.path, 'instance-norm-demo.png')).metadata();
  expect(format).toBe('png');
  expect(width).toBeGreaterThan(500);
});

test("the chapter's code is the example's", () => {
  const chapter = readFileSync(new URL('docs/instance-normalization.md', repository), 'utf8');
  const example = readFileSync(new URL('examples/instance_norm_from_scratch.mjs', repository), 'utf8');
  const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(chapter) ?? [];
  const lines = code.split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(3);
  const own = example.split('\n').map((line) => line.trim());
  for (const line of lines) expect(own).toContain(line);
});
