// A worker that dies or stands still in the middle of a run: the run ends with EngineCrashedError, so do all workers, and a new engine works.
import { Worker } from 'node:worker_threads';
import { type Engine, EngineCrashedError, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test, vi } from 'vitest';
import { engineFor, noise, SlowNet, slowInput, weightsFor } from '../engine/support/engines.js';
import { DEATHS, doomedWorker, STANDSTILLS } from './support/doomed_worker.js';
import { impatientEngine } from './support/impatient.js';

const THREADS = 3;
/** More than a run of one op takes, fewer than one of the slow network. */
const CALLS = 12;
const one = Tensor.from([1, 2], [2]);

const cases = <T extends object>(ends: T) =>
  (Object.keys(ends) as (keyof T & string)[]).flatMap((how) => [
    { how, end: ends[how], who: 'the only thread', threads: 1, victim: 0 },
    { how, end: ends[how], who: 'the host', threads: THREADS, victim: 0 },
    { how, end: ends[how], who: 'a pool worker', threads: THREADS, victim: 2 },
  ]);

/** Runs until the crash, and checks what is left. */
async function crash(engine: Engine, threads: number, reason: RegExp): Promise<void> {
  expect([...(await engine.run((v) => v.add(1), one)).data]).toEqual([2, 3]);
  const terminate = vi.spyOn(Worker.prototype, 'terminate');
  try {
    const running = engine.run(new SlowNet(), slowInput());
    const waiting = engine.run((v) => v.add(1), one);
    await expect(running).rejects.toThrow(reason);
    await expect(running).rejects.toBeInstanceOf(EngineCrashedError);
    await expect(waiting).rejects.toBeInstanceOf(EngineCrashedError);
    await expect(engine.run((v) => v.add(1), one)).rejects.toBeInstanceOf(EngineCrashedError);
    // All workers are told to end, and do.
    expect(new Set(terminate.mock.contexts).size).toBe(threads);
    await Promise.all(terminate.mock.results.map(({ value }) => value));
  } finally {
    terminate.mockRestore();
  }
}

describe.each(cases(DEATHS))('$who $how', ({ how, end, threads, victim }) => {
  test('ends the run, and a new engine works', async () => {
    const engine = await engineFor({ threads, workerUrl: doomedWorker(end, victim, CALLS) });
    expect(engine.info()).toMatchObject({ threads, host: 'worker' });
    await crash(engine, threads, { traps: /unreachable/, throws: /told to die/, exits: /exit code 7/ }[how]);
    const next = await engineFor({ threads });
    expect([...(await next.run((v) => v.add(1), one)).data]).toEqual([2, 3]);
  });
});

describe.each(cases(STANDSTILLS))('$who $how for ever', ({ end, threads, victim }) => {
  test('ends the run after a while', async () => {
    const engine = await impatientEngine(doomedWorker(end, victim, CALLS), threads, 800);
    await crash(engine, threads, new RegExp(`thread ${victim} has not moved for 0.8 s`));
  });
});

test('a worker that sleeps ends the run after ten seconds', async () => {
  const workerUrl = doomedWorker(STANDSTILLS.sleeps, 1, CALLS);
  const engine = await engineFor({ threads: THREADS, workerUrl });
  const started = performance.now();
  await crash(engine, THREADS, /thread 1 has not moved for 10 s/);
  expect(performance.now() - started).toBeGreaterThan(9000);
});

test.each([1, THREADS])(
  'a caller whose own thread is held up does not take %i workers for dead',
  async (threads) => {
    const engine = await impatientEngine(doomedWorker('', 0, 0), threads, 300);
    const running = engine.run(new SlowNet(60), slowInput());
    await new Promise((resolve) => setTimeout(resolve, 50));
    const until = performance.now() + 700;
    while (performance.now() < until);
    expect((await running).shape).toEqual([1, 64, 128, 128]);
  },
);

test('tiles that take long one by one, also of weights that are packed, are not a standstill', async () => {
  const slow = 'const until = performance.now() + 100; while (performance.now() < until);';
  const engine = await impatientEngine(doomedWorker(slow, 0, 0), 1, 1000);
  // More tiles than the watchdog has patience for together, far more than for one.
  const convolutions = Array.from({ length: 5 }, () => new nn.Conv2d(4, 4, 1));
  const net = new nn.Sequential(...convolutions);
  net.loadStateDict(weightsFor(net, 1));
  expect((await engine.run(net, noise([1, 4, 5, 5]))).shape).toEqual([1, 4, 5, 5]);
});

test.each([1, THREADS])(
  '%i workers that are not asked for anything may sleep for longer',
  async (threads) => {
    const engine = await impatientEngine(doomedWorker('', 0, 0), threads, 300);
    await engine.run((v) => v.add(1), one);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect([...(await engine.run((v) => v.add(1), one)).data]).toEqual([2, 3]);
  },
);
