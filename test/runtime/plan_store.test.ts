// What a call costs the façade: a cold one compiles once, whatever becomes of it, and nothing is packed that is going to be refused.
import { OutOfMemoryError } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EngineDisposedError } from '../../dist/errors.js';
import { traceModule } from '../../dist/nn/trace.js';
import { yieldNow } from '../../dist/platform/yield.js';
import { loadBuild } from '../../dist/runtime/builds.js';
import { HostClient } from '../../dist/runtime/client.js';
import { Executor } from '../../dist/runtime/executor.js';
import { computationOf, type Job, jobOf } from '../../dist/runtime/job.js';
import { startLocal } from '../../dist/runtime/local_port.js';
import { PlanStore } from '../../dist/runtime/plan_store.js';
import { noise, SmallNet } from '../engine/support/engines.js';

const OPTIONS = { fuse: true, precision: 'highest' } as const;

/** An executor over a host of its own, and the types of the requests that the host has got. */
async function executorFor(maximumPages = 65536) {
  const client = new HostClient(startLocal(yieldNow), null);
  onTestFinished(() => client.end(new EngineDisposedError('end of test')));
  const { module, initialPages } = await loadBuild('simd128');
  const wish = { initialPages, maximumPages, shared: false, noMemoryHint: '' };
  await client.request({ type: 'init', module, ...wish, pool: null });
  const executor = new Executor(client, await PlanStore.over(client));
  const request = vi.spyOn(client, 'request');
  return { executor, requests: () => request.mock.calls.map(([{ type }]) => type) };
}

/** A job, and how often it has been compiled: each time reads its graph once. */
function countedJob(net: nn.Module, shape: readonly number[], options: Job['options'] = OPTIONS) {
  const computation = computationOf(traceModule(net, [{ shape }]), options);
  const { graph, ...job } = jobOf('test', computation, null);
  const read = vi.fn(() => graph);
  return { job: Object.defineProperty(job, 'graph', { get: read }) as Job, compiles: read };
}

const bytesOf = (shape: readonly number[]) => () => [new Uint8Array(noise(shape).data.buffer)];

test('a cold run compiles once, a warm one not at all', async () => {
  const { executor } = await executorFor();
  const net = new SmallNet();
  const shape = [1, 3, 12, 12];
  const [cold, warm] = [countedJob(net, shape), countedJob(net, shape)];
  await executor.run(cold.job, bytesOf(shape), {});
  await executor.run(warm.job, bytesOf(shape), {});
  expect(cold.compiles).toHaveBeenCalledTimes(1);
  expect(warm.compiles).not.toHaveBeenCalled();
});

test('of cold runs that wait for each other one of each size compiles', async () => {
  const { executor } = await executorFor();
  const net = new SmallNet();
  const calls = [12, 14, 12, 14, 14].map((side) => {
    const shape = [1, 3, side, side];
    return { ...countedJob(net, shape), shape };
  });
  await Promise.all(calls.map(({ job, shape }) => executor.run(job, bytesOf(shape), {})));
  expect(calls.map(({ compiles }) => compiles.mock.calls.length)).toEqual([1, 1, 0, 0, 0]);
});

test('a session compiles once', async () => {
  const { executor } = await executorFor();
  const { job, compiles } = countedJob(new SmallNet(), [1, 3, 12, 12]);
  await executor.compile(job, {});
  expect(compiles).toHaveBeenCalledTimes(1);
});

test('what cannot fit is compiled once, and nothing of it reaches the host', async () => {
  const { executor, requests } = await executorFor(80);
  const refused = countedJob(new SmallNet(), [1, 3, 1024, 1024]);
  const copied = vi.fn(() => []);
  await expect(executor.run(refused.job, copied, {})).rejects.toBeInstanceOf(OutOfMemoryError);
  expect(refused.compiles).toHaveBeenCalledTimes(1);
  expect(copied).not.toHaveBeenCalled();
  expect(requests()).toEqual([]);
});

/** 2.25 MiB of weights. */
function heavy(): nn.Module {
  const conv = new nn.Conv2d(256, 256, 3, { bias: false });
  conv.weight.set(noise([256, 256, 3, 3]));
  return conv;
}

test('what does not fit beside a session is tried once, then refused without a second try', async () => {
  // Room for one network's weights and the stored bytes they are packed from, not for two's.
  const { executor, requests } = await executorFor(100);
  const shape = [1, 256, 3, 3];
  const session = countedJob(heavy(), shape);
  await executor.compile(session.job, {});
  const before = requests().length;
  const beside = countedJob(heavy(), shape);
  const refused = executor.run(beside.job, bytesOf(shape), {});
  await expect(refused).rejects.toBeInstanceOf(OutOfMemoryError);
  expect(beside.compiles).toHaveBeenCalledTimes(1);
  expect(requests().slice(before)).toEqual(['pack', 'free', 'heap']);
  // It fits when the session is gone, and then packs.
  await executor.release(session.job);
  const { outputs } = await executor.run(countedJob(heavy(), shape).job, bytesOf(shape), {});
  expect(outputs).toHaveLength(1);
});

test('plans that only the cache holds make room for a second try', async () => {
  const { executor, requests } = await executorFor(100);
  const shape = [1, 256, 3, 3];
  await executor.run(countedJob(heavy(), shape).job, bytesOf(shape), {});
  const before = requests().length;
  const next = countedJob(heavy(), shape);
  await executor.run(next.job, bytesOf(shape), {});
  expect(next.compiles).toHaveBeenCalledTimes(1);
  expect(requests().slice(before)).toEqual(['pack', 'free', 'free', 'heap', 'pack', 'compile', 'run']);
});
