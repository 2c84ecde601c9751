// How a user's process and the engine's worker end: the process by itself, the worker without taking anything along.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Ended, installedProject, runProgram } from './installed.js';

// Far above what the programs need (a second), far below vitest's own limit; a program that hangs is killed and has no exit code.
const TIMEOUT_MS = 60_000;

const PRELUDE = `
  import fs from 'node:fs';
  import { fileURLToPath } from 'node:url';
  import { Engine, EngineCrashedError, EngineDisposedError, loadModel } from 'gouache';
  const model = loadModel(fs.readFileSync(fileURLToPath(import.meta.resolve('gouache/models/mosaic.safetensors'))));
  const picture = (side) => ({ data: new Uint8Array(side * side * 3).map((_, i) => i * 7), width: side, height: side, channels: 3 });
  const outcome = (promise) => promise.then(() => 'done', (error) => error.name);
  const bytes = ({ data }) => Buffer.from(data);
  const say = (value) => console.log(JSON.stringify(value));
`;

async function program(name: string, source: string): Promise<Ended> {
  const project = await installedProject();
  return runProgram(project, name, PRELUDE + source, { timeoutMs: TIMEOUT_MS });
}

test.each([
  { host: 'worker', options: '{}' },
  { host: 'caller', options: '{ worker: false }' },
])('a program that paints and does not dispose ends by itself ($host)', async ({ host, options }) => {
  const { code, stdout, stderr } = await program(
    `exit_${host}.mjs`,
    `const engine = await Engine.create(${options});
     const { data } = await engine.paint(model, picture(32));
     say([engine.info().host, data.length]);`,
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([host, 32 * 32 * 4]);
});

test('a program that makes an engine and does nothing with it ends by itself', async () => {
  const { code, stderr } = await program('exit_idle.mjs', 'await Engine.create();');
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('a program that awaits a painting is kept alive until it is done', async () => {
  // Nothing but the worker is active here: were it not held, Node would end with code 13 before the last line.
  const { code, stdout } = await program(
    'awaits.mjs',
    `const engine = await Engine.create();
     const paintings = await Promise.all([engine.paint(model, picture(48)), engine.paint(model, picture(32))]);
     say(paintings.map(({ width }) => width));`,
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([48, 32]);
});

test.each([
  { how: 'exits', end: 'process.exit(7);', reason: /7/ },
  { how: 'throws', end: "throw new Error('told to die');", reason: /told to die/ },
])('a worker that $how rejects its runs, and another engine goes on', async ({ how, end, reason }) => {
  const project = await installedProject();
  const worker = fs.readFileSync(path.join(project, 'node_modules/gouache/dist/platform/worker.js'), 'utf8');
  // The package's own worker, and beside it a listener that ends it when the test says so.
  const dying = `${worker};
    const channel = new BroadcastChannel('death_${how}');
    channel.onmessage = () => { ${end} };
    channel.unref();`;
  fs.writeFileSync(path.join(project, `dying_${how}.mjs`), dying);
  const { code, stdout, stderr } = await program(
    `crash_${how}.mjs`,
    `const doomed = await Engine.create({ workerUrl: new URL('./dying_${how}.mjs', import.meta.url) });
     const other = await Engine.create();
     const before = await other.paint(model, picture(32));
     const channel = new BroadcastChannel('death_${how}');
     let error;
     const failing = doomed.paint(model, picture(256), { onProgress: () => channel.postMessage('die') }).catch((e) => { error = e; });
     const queued = outcome(doomed.paint(model, picture(32)));
     await failing;
     const after = await other.paint(model, picture(32));
     const fresh = await Engine.create();
     const again = await fresh.paint(model, picture(32));
     say({
       host: doomed.info().host,
       crashed: error instanceof EngineCrashedError, code: error?.code, message: error?.message,
       queued: await queued,
       later: await outcome(doomed.paint(model, picture(32))),
       same: bytes(before).equals(bytes(after)) && bytes(before).equals(bytes(again)),
       disposed: await outcome(doomed.dispose()),
     });
     channel.close();`,
  );
  expect(stderr).toBe('');
  const report = JSON.parse(stdout);
  expect(report.message).toMatch(reason);
  expect(report).toMatchObject({
    host: 'worker',
    crashed: true,
    code: 'engine-crashed',
    queued: 'EngineCrashedError',
    later: 'EngineCrashedError',
    same: true,
    disposed: 'done',
  });
  expect(code).toBe(0);
});
