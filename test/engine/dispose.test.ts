// dispose(): it resolves when the workers have ended, and gives their memory back whether or not the caller's heap is ever collected.
import { Worker } from 'node:worker_threads';
import { Engine, Tensor } from 'gouache';
import { expect, test, vi } from 'vitest';
import { SlowNet, slowInput } from './support/engines.js';
import { printed } from './support/program.js';

test.each([1, 3])('resolves when all of %i workers have ended, also during a run', async (threads) => {
  const terminate = vi.spyOn(Worker.prototype, 'terminate');
  try {
    const engine = await Engine.create({ threads });
    await engine.run((v) => v.add(1), Tensor.from([1], [1]));
    const running = engine.run(new SlowNet(), slowInput()).catch((error: unknown) => error);
    await Promise.all([engine.dispose(), engine.dispose()]);
    expect(await running).toMatchObject({ code: 'engine-disposed' });
    const workers = [...new Set(terminate.mock.contexts as Worker[])];
    // A worker that has ended has no id.
    expect(workers.map(({ threadId }) => threadId)).toEqual(new Array(threads).fill(-1));
  } finally {
    terminate.mockRestore();
  }
});

/**
 * Engines one after another, each with 64 MiB inside and small values outside, for which nothing is collected; prints what the process takes
 * after each.
 */
const PROGRAM = `
  import { Engine, Tensor } from 'gouache';
  const side = 2048;
  const [a, b] = [[side, 1], [1, side]].map((shape) => Tensor.from(new Float32Array(side), shape));
  const rss = [];
  for (let time = 0; time < 8; time++) {
    const engine = await Engine.create({ threads: 2 });
    if (engine.info().threads !== 2) throw new Error(engine.info().threadsReason);
    await engine.run((x, y) => x.add(y).tanh().mean(), [a, b]);
    if (engine.memory().memoryBytes < 48 * 2 ** 20) throw new Error('the value was never made');
    await engine.dispose();
    rss.push(process.memoryUsage().rss);
  }
  process.stdout.write(JSON.stringify(rss));
`;

async function rssAfterEach(limits = ''): Promise<number[]> {
  const rss: number[] = JSON.parse(await printed(PROGRAM, { limits }));
  expect(rss).toHaveLength(8);
  return rss;
}

test('the memory of engines that are disposed does not wait for a garbage collection', async () => {
  const [first = Number.NaN, ...later] = await rssAfterEach();
  // The first has warmed up what the process keeps.
  expect(Math.max(...later) - first).toBeLessThan(100 * 2 ** 20);
});

// Other systems have no such limit.
test.runIf(process.platform === 'linux')('nor does their address space', async () => {
  // Room for the 4 GiB and their guards that two engines reserve, not for three.
  await rssAfterEach('ulimit -v 24000000');
});
