// What is left when the worker or the wasm instance dies: that engine rejects, a new one works.
import { readFileSync } from 'node:fs';
import { EngineCrashedError, GouacheError, Tensor } from 'gouache';
import { expect, test } from 'vitest';
import { refusing, trapping } from './support/broken_wasm.js';
import { engineFor } from './support/engines.js';

const x = Tensor.from([1, 2], [2]);

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** A worker that greets, answers what Engine.create asks the host, and ends itself at the next message. */
const dyingWorker = `data:text/javascript,${encodeURIComponent(`
  import { parentPort } from 'node:worker_threads';
  parentPort.postMessage({ gouache: '${version}' });
  parentPort.on('message', ({ id, request }) => {
    const replies = {
      init: {},
      heap: {
        ...{ memoryBytes: 65536, allocatedBytes: 0, arenaBytes: 0, arenaAddress: 0, freeRanges: [] },
        maximumBytes: 2 ** 32,
      },
    };
    if (!(request.type in replies)) process.exit(3);
    parentPort.postMessage({ id, reply: replies[request.type] });
  });
`)}`;

test.each([true, false])('a trap crashes the engine and only it ({ worker: %s })', async (worker) => {
  const engine = await engineFor({ wasm: trapping, worker });
  const first = engine.run((v) => v.relu(), x);
  const second = engine.run((v) => v.add(1), x);
  await expect(first).rejects.toBeInstanceOf(EngineCrashedError);
  await expect(first).rejects.toThrow('unreachable');
  await expect(second).rejects.toBeInstanceOf(EngineCrashedError);
  await expect(engine.compile((v) => v.relu(), [2])).rejects.toBeInstanceOf(EngineCrashedError);
  const next = await engineFor({ worker });
  expect([...(await next.run((v) => v.add(1), x)).data]).toEqual([2, 3]);
});

test('a worker that ends rejects what waits with its exit code, and what comes', async () => {
  const engine = await engineFor({ workerUrl: dyingWorker, threads: 1 });
  expect(engine.info().host).toBe('worker');
  await expect(engine.run((v) => v.relu(), x)).rejects.toMatchObject({ code: 'engine-crashed' });
  await expect(engine.run((v) => v.relu(), x)).rejects.toThrow('exit code 3');
});

test('a plan that the kernels refuse is an internal error in words, and the engine lives', async () => {
  const engine = await engineFor({ wasm: refusing });
  for (let time = 0; time < 2; time++) {
    const error = await engine.run((v) => v.relu(), x).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GouacheError);
    expect(error).not.toBeInstanceOf(EngineCrashedError);
    expect(error).toMatchObject({ code: 'internal', op: 'plan_load', wanted: expect.any(String) });
    // Rebuilt after crossing the worker, its stack begins with its message.
    expect((error as Error).stack).toContain('a kernel refused the plan');
  }
  expect(engine.memory().allocatedBytes).toBe(0);
});
