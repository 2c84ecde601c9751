/** A signal that ends the process while a file is being written leaves what was there, and nothing else. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from './command_line.js';

const MODULE = new URL('../../dist/cli/safe_file.js', import.meta.url);

let folder: ReturnType<typeof makeFolder>;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

/** Sends itself the signal as soon as a second file is there. Some megabytes take longer to write than a signal to arrive. */
const program = (call: string, signal: string) => `
  import { readdirSync } from 'node:fs';
  import { setImmediate } from 'node:timers/promises';
  import { createFile, replaceFile } from '${MODULE.href}';
  ${call}('out.png', new Uint8Array(2 ** 26)).then(() => console.log('written'));
  while (readdirSync('.').length < 2) await setImmediate();
  process.kill(process.pid, '${signal}');
  await setImmediate();
`;

test.each(
  ['createFile', 'replaceFile'].flatMap((call) =>
    ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => [call, signal] as const),
  ),
)('%s, %s', async (call, signal) => {
  const out = join(folder.path, 'out.png');
  writeFileSync(out, 'old');
  const args = ['--input-type=module', '--eval', program(call, signal)];
  const ended = await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder.path }, (error, stdout) =>
      resolve({ signal: error?.signal, stdout }),
    );
  });
  expect(ended).toEqual({ signal, stdout: '' });
  expect(readdirSync(folder.path)).toEqual(['out.png']);
  expect(readFileSync(out, 'utf8')).toBe('old');
});
