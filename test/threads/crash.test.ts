// A worker that dies or stands still in the middle of a run: the run ends with EngineCrashedError, so do all workers, and a new engine works.
import { Worker } from 'node:worker_threads';
import { type Engine, EngineCrashedError, Tensor } from 'gouache';
import { describe, expect, test, vi } from 'vitest';
import { engineFor, SlowNet, slowInput } from '../engine/support/engines.js';
import { DEATHS, doomedWorker, STANDSTILLS } from './support/doomed_worker.js';
import { impatientEngine } from './support/impatient.js';

const THREADS = 3;
/** More than a run of one op takes, fewer than one of the slow network. */
const CALLS = 12;
const one = Tensor.from([1, 2], [2]);

const cases = <T extends object>(ends: T) =>
  (Object.keys(ends) as (keyof T & string)[]).flatMap((how) => [
    { how, end: ends[how], who: 'the host', victim: 0 },
    { how, end: ends[how], who: 'a pool worker', victim: 2 },
  ]);

/** Runs until the crash, and checks what is left. */
async function crash(engine: Engine, reason: RegExp): Promise<void> {
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
    expect(new Set(terminate.mock.contexts).size).toBe(THREADS);
    await Promise.all(terminate.mock.results.map(({ value }) => value));
  } finally {
    terminate.mockRestore();
  }
}

describe.each(cases(DEATHS))('$who $how', ({ how, end, victim }) => {
  test('ends the run, and a new engine works', async () => {
    const engine = await engineFor({ threads: THREADS, workerUrl: doomedWorker(end, victim, CALLS) });
    expect(engine.info()).toMatchObject({ threads: THREADS, host: 'worker' });
    await crash(engine, { traps: /unreachable/, throws: /told to die/, exits: /exit code 7/ }[how]);
    const next = await engineFor({ threads: THREADS });
    expect([...(await next.run((v) => v.add(1), one)).data]).toEqual([2, 3]);
  });
});

describe.each(cases(STANDSTILLS))('$who $how for ever', ({ end, victim }) => {
  test('ends the run after a while', async () => {
    const engine = await impatientEngine(doomedWorker(end, victim, CALLS), THREADS, 800);
    await crash(engine, new RegExp(`thread ${victim} has not moved for 0.8 s`));
  });
});

test('a worker that sleeps ends the run after ten seconds', async () => {
  const workerUrl = doomedWorker(STANDSTILLS.sleeps, 1, CALLS);
  const engine = await engineFor({ threads: THREADS, workerUrl });
  const started = performance.now();
  await crash(engine, /thread 1 has not moved for 10 s/);
  expect(performance.now() - started).toBeGreaterThan(9000);
});

test('a caller whose own thread is held up does not take its workers for dead', async () => {
  const engine = await impatientEngine(doomedWorker('', 0, 0), THREADS, 300);
  const running = engine.run(new SlowNet(60), slowInput());
  await new Promise((resolve) => setTimeout(resolve, 50));
  const until = performance.now() + 700;
  while (performance.now() < until);
  expect((await running).shape).toEqual([1, 64, 128, 128]);
});

test('workers that are not asked for anything may sleep for longer', async () => {
  const engine = await impatientEngine(doomedWorker('', 0, 0), THREADS, 300);
  await engine.run((v) => v.add(1), one);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect([...(await engine.run((v) => v.add(1), one)).data]).toEqual([2, 3]);
});
