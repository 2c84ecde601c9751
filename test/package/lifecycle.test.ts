// How a user's process and the engine's worker end: the process by itself, the worker without taking anything along.
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { type Ended, installedProject, run, runProgram } from './installed.js';

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
  { host: 'worker', threads: 1, options: '{ threads: 1 }' },
  { host: 'worker', threads: 3, options: '{ threads: 3 }' },
  { host: 'caller', threads: 1, options: '{ worker: false }' },
])(
  'a program that paints and does not dispose ends by itself ($options)',
  async ({ host, threads, options }) => {
    const { code, stdout, stderr } = await program(
      `exit_${host}_${threads}.mjs`,
      `const engine = await Engine.create(${options});
     const { data } = await engine.paint(model, picture(32));
     say([engine.info().host, engine.info().threads, data.length]);`,
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([host, threads, 32 * 32 * 4]);
  },
);

test.each([1, 3])(
  'a program that makes an engine of %i threads and does nothing with it ends by itself',
  async (threads) => {
    const { code, stderr } = await program(
      `exit_idle_${threads}.mjs`,
      `await Engine.create({ threads: ${threads} });`,
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
  },
);

test.each([1, 3])(
  'a program that awaits a painting of %i threads is kept alive until it is done',
  async (threads) => {
    // Nothing but the workers is active here: were they not held, Node would end with code 13 before the last line.
    const { code, stdout } = await program(
      `awaits_${threads}.mjs`,
      `const engine = await Engine.create({ threads: ${threads} });
     const paintings = await Promise.all([engine.paint(model, picture(48)), engine.paint(model, picture(32))]);
     say(paintings.map(({ width }) => width));`,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([48, 32]);
  },
);

test('a program that is bundled beside a worker of its own does not have that one started', async () => {
  const project = await installedProject();
  const folder = path.join(project, 'bundled');
  fs.writeFileSync(
    path.join(project, 'bundled.mjs'),
    `import { Engine, Tensor } from 'gouache';
     const engine = await Engine.create({ threads: 2 });
     const { data } = await engine.run((x) => x.mul(2), Tensor.from([3], [1]));
     console.log(JSON.stringify([data[0], engine.info().host, engine.info().threads]));`,
  );
  await build({
    absWorkingDir: project,
    entryPoints: ['bundled.mjs'],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
  });
  for (const name of ['worker', 'index'])
    fs.writeFileSync(path.join(folder, `${name}.js`), "console.log('the wrong one');");
  const { code, stdout } = await run(process.execPath, [path.join(folder, 'bundled.mjs')]);
  expect(code).toBe(0);
  expect(stdout).toBe('[6,"worker",2]\n');
});

test.each([
  { how: 'exits', end: 'process.exit(7);', reason: /7/ },
  { how: 'throws', end: "throw new Error('told to die');", reason: /told to die/ },
])('a worker that $how rejects its runs, and another engine goes on', async ({ how, end, reason }) => {
  const project = await installedProject();
  const worker = fs.readFileSync(
    path.join(project, 'node_modules/gouache/dist/platform/gouache_worker.js'),
    'utf8',
  );
  // The package's own worker, and beside it a listener that ends it when the test says so. One thread alone listens while it computes.
  const dying = `${worker};
    const channel = new BroadcastChannel('death_${how}');
    channel.onmessage = () => { ${end} };
    channel.unref();`;
  fs.writeFileSync(path.join(project, `dying_${how}.mjs`), dying);
  const { code, stdout, stderr } = await program(
    `crash_${how}.mjs`,
    `const doomed = await Engine.create({ threads: 1, workerUrl: new URL('./dying_${how}.mjs', import.meta.url) });
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

test.each([
  { how: 'exits', end: 'process.exit(7);', reason: /thread 1: exit code 7/ },
  { how: 'throws', end: "throw new Error('told to die');", reason: /thread 1: .*told to die/ },
])('a pool worker that $how ends its run, and the program ends by itself', async ({ how, end, reason }) => {
  const project = await installedProject();
  const worker = fs.readFileSync(
    path.join(project, 'node_modules/gouache/dist/platform/gouache_worker.js'),
    'utf8',
  );
  const dying = `{
      const { instantiate } = WebAssembly;
      WebAssembly.instantiate = async (...given) => {
        const { exports } = await instantiate(...given);
        let calls = 0;
        const plan_run = (plan, words, tiles, index) => {
          if (index === 1 && calls++ === 20) { ${end} }
          return exports.plan_run(plan, words, tiles, index);
        };
        return { exports: { ...exports, plan_run } };
      };
    }
    ${worker}`;
  fs.writeFileSync(path.join(project, `dying_pool_${how}.mjs`), dying);
  const { code, stdout, stderr } = await program(
    `crash_pool_${how}.mjs`,
    `const doomed = await Engine.create({ threads: 3, workerUrl: new URL('./dying_pool_${how}.mjs', import.meta.url) });
     const error = await doomed.paint(model, picture(128)).catch((e) => e);
     const fresh = await Engine.create({ threads: 3 });
     const again = await fresh.paint(model, picture(32));
     say({ crashed: error instanceof EngineCrashedError, message: error.message, again: again.width });`,
  );
  expect(stderr).toBe('');
  const report = JSON.parse(stdout);
  expect(report.message).toMatch(reason);
  expect(report).toMatchObject({ crashed: true, again: 32 });
  expect(code).toBe(0);
});
