// An abort ends a run for all workers: the next run begins within 50 ms, and computes right.
import { Tensor } from 'gouache';
import { expect, test } from 'vitest';
import { engineFor, SlowNet, slowInput } from '../engine/support/engines.js';

const ATTEMPTS = 5;
const LONGEST_MS = 50;

test.each([1, 2, 3, 8])('with %i threads', async (threads) => {
  const engine = await engineFor({ threads });
  expect(engine.info().threads).toBe(threads);
  const session = await engine.compile(new SlowNet(100), [1, 64, 128, 128]);
  const after = await engine.compile((v) => v.mul(2), [2]);
  const waits: number[] = [];
  // A busy machine may hold up one of them.
  while (waits.length < ATTEMPTS && !waits.some((wait) => wait < LONGEST_MS)) {
    const controller = new AbortController();
    let abortedAt = Number.NaN;
    const running = session.run(slowInput(), {
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        if (done < total / 20 || controller.signal.aborted) return;
        abortedAt = performance.now();
        controller.abort('enough');
      },
    });
    const next = after.run(Tensor.from([1, 2], [2]));
    await expect(running).rejects.toBe('enough');
    expect([...(await next).data]).toEqual([2, 4]);
    waits.push(performance.now() - abortedAt);
  }
  expect(Math.min(...waits), `waited ${waits.join(', ')} ms`).toBeLessThan(LONGEST_MS);
});

test('an abort that comes before the run has begun, or when it has ended, ends no other', async () => {
  const engine = await engineFor({ threads: 2 });
  const session = await engine.compile((v) => v.mul(2), [2]);
  for (let time = 0; time < 50; time++) {
    const controller = new AbortController();
    const first = session.run(Tensor.from([time, 2], [2]), { signal: controller.signal });
    const second = session.run(Tensor.from([1, time], [2]));
    setTimeout(() => controller.abort('too late or too early'), (time % 5) / 5);
    await first.catch((reason) => expect(reason).toBe('too late or too early'));
    expect([...(await second).data]).toEqual([2, 2 * time]);
  }
});
