// Where Node forbids worker threads, or has no file descriptors left: what starts starts, the engine says why the rest did not.
import { expect, test } from 'vitest';
import { printed } from './support/program.js';

const [major = 0] = process.versions.node.split('.').map(Number);
/** Node 20 and 22 have the permission model under its first name. */
const PERMISSION = major < 23 ? '--experimental-permission' : '--permission';

const PROGRAM = `
  import { Engine, Tensor } from 'gouache';
  const warnings = [];
  const engine = await Engine.create({ onWarning: (text) => warnings.push(text) });
  const y = await engine.run((x) => x.mul(2), Tensor.from([3], [1]));
  process.stdout.write(JSON.stringify({ info: engine.info(), warnings, y: y.data[0] }));
`;

test('without the permission for workers: the caller’s thread, the reason in info() and one warning', async () => {
  const { info, warnings, y } = JSON.parse(
    await printed(PROGRAM, { flags: [PERMISSION, '--allow-fs-read=*'] }),
  );
  expect(y).toBe(6);
  expect(info).toMatchObject({ host: 'caller', threads: 1 });
  expect(info.hostReason).toMatch(/no worker from gouache_worker\.js: .*no worker from the worker's text: /);
  expect(warnings).toHaveLength(1);
});

/** Takes all file descriptors but some, makes an engine, gives them back, and makes another where that was refused. */
const WITHOUT_FILES = (left: number, options: string) => `
  import fs from 'node:fs';
  import { Engine, GouacheError, Tensor } from 'gouache';
  const works = async () => {
    const engine = await Engine.create(${options});
    const y = await engine.run((x) => x.mul(2), Tensor.from([3], [1]));
    const { threads, threadsReason, hostReason } = engine.info();
    await engine.dispose();
    return { y: y.data[0], full: threads === 2 && !hostReason.includes(';'), reason: threadsReason + hostReason };
  };
  // Streams and sockets of the process's own take theirs when they are first used.
  process.stdout.write('');
  const taken = [];
  try { for (;;) taken.push(fs.openSync('.')); } catch {}
  for (const file of taken.splice(0, ${left})) fs.closeSync(file);
  const error = (error) => ({ typed: error instanceof GouacheError, reason: error.message });
  const first = await works().catch(error);
  for (const file of taken) fs.closeSync(file);
  process.stdout.write(JSON.stringify({ first, second: await works().catch(error) }));
`;

test.each([0, 3, 6, 7, 9, 14])('with %i file descriptors left, and all of them again', async (left) => {
  const wasm = JSON.stringify(import.meta.resolve('gouache/wasm/simd128-threads.wasm'));
  for (const options of ['{ threads: 2 }', `{ threads: 2, wasm: ${wasm} }`]) {
    const said = await printed(WITHOUT_FILES(left, options), { limits: 'ulimit -n 60' });
    const { first, second } = JSON.parse(said);
    if (first.y !== 6) expect(first).toMatchObject({ typed: true });
    if (!first.full) expect(first.reason).toContain('EMFILE');
    // Without { wasm } Node itself remembers that it could not import the kernels.
    if (options.includes('wasm')) expect(second).toMatchObject({ y: 6, full: true });
  }
});
