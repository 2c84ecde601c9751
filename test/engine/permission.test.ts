// Where Node forbids worker threads: the engine runs on the caller's thread and says why.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

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
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const flags = [PERMISSION, '--allow-fs-read=*', '--input-type=module'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', PROGRAM], { cwd });
  const { info, warnings, y } = JSON.parse(stdout);
  expect(y).toBe(6);
  expect(info).toMatchObject({ host: 'caller', threads: 1 });
  expect(info.hostReason).toMatch(/no worker from gouache_worker\.js: .*no worker from the worker's text: /);
  expect(warnings).toHaveLength(1);
});
