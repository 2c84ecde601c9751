// How many threads an engine takes, and what info() says where it is not what was asked for.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Tensor } from 'gouache';
import type { Value } from 'gouache/nn';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { quotaCpus } from '../../dist/platform/cgroup.js';
import { chooseThreads } from '../../dist/runtime/threads.js';
import { engineFor, noise, SmallNet } from '../engine/support/engines.js';
import { workerAfter } from './support/doomed_worker.js';

const facts = { maximumPages: 65536, asked: undefined, worker: true, atomics: true, given: undefined };

describe('the number', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('by default what may be used, at most 8', () => {
    const { count, reason } = chooseThreads(facts);
    // A quota, where this machine has one, can only lower it.
    expect(count).toBeLessThanOrEqual(Math.min(8, availableParallelism()));
    expect(count).toBeGreaterThanOrEqual(1);
    expect(reason).toMatch(/^\d+ processors? may be used/);
  });

  test('by default no more than memory has room for', () => {
    expect(chooseThreads({ ...facts, maximumPages: 1500 })).toMatchObject({ count: 1 });
    expect(chooseThreads({ ...facts, maximumPages: 64 }).count).toBe(1);
    expect(chooseThreads({ ...facts, maximumPages: 64, asked: 2 }).count).toBe(2);
  });

  test('an engine of little memory computes, however many processors there are', async () => {
    const engine = await engineFor({ maxMemoryBytes: 8 * 2 ** 20 });
    expect(engine.info().threads).toBe(1);
    const y = await engine.run((v: Value) => v.add(1), Tensor.from(new Float32Array([1]), [1, 1, 1, 1]));
    expect(y.data[0]).toBe(2);
  });

  test('what is asked for, also more than there are processors', () => {
    expect(chooseThreads({ ...facts, asked: 1 })).toEqual({ count: 1, reason: 'asked for with { threads }' });
    expect(chooseThreads({ ...facts, asked: 12 })).toEqual({
      count: 12,
      reason: 'asked for with { threads }',
    });
  });

  test.each([
    ['on the caller’s thread', { worker: false }, /worker: false/],
    ['with a module for one', { given: 'single' as const }, /build without threads/],
    ['without atomics', { atomics: false }, /no WebAssembly threads/],
  ])('one %s, with the reason', (_, changes, reason) => {
    const chosen = chooseThreads({ ...facts, asked: 4, ...changes });
    expect(chosen.count).toBe(1);
    expect(chosen.reason).toMatch(/^4 were asked for, but /);
    expect(chosen.reason).toMatch(reason);
  });

  test('one without SharedArrayBuffer', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    const engine = await engineFor({ threads: 2 });
    expect(engine.info().threads).toBe(1);
    expect(engine.info().threadsReason).toContain('no SharedArrayBuffer');
    expect([...(await engine.run((v) => v.add(1), Tensor.from([1], [1]))).data]).toEqual([2]);
  });
});

describe('the quota of a control group', () => {
  const machine = (files: Record<string, string>) => quotaCpus((file) => files[file] ?? null);

  test.each<[string, Record<string, string>, number | null]>([
    ['no Linux', {}, null],
    [
      'version 2, at the top',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' },
      1.5,
    ],
    ['version 2, none', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, null],
    [
      'version 2, the least of the groups above',
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/cpu.max': '200000 100000\n',
        '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
      },
      2,
    ],
    [
      'version 1',
      {
        '/proc/self/cgroup': '3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      3,
    ],
    [
      'version 1, none',
      {
        '/proc/self/cgroup': '1:cpu:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      null,
    ],
  ])('%s', (_, files, cpus) => {
    expect(machine(files)).toBe(cpus);
  });
});

describe('what the platform refuses', () => {
  /** Memory that was made elsewhere, so in a pool worker, gives no instance while `condition` holds. */
  const failingPool = (condition: string) =>
    workerAfter(`
      const { Memory, instantiate } = WebAssembly;
      const own = new WeakSet();
      WebAssembly.Memory = function (limits) { const memory = new Memory(limits); own.add(memory); return memory; };
      WebAssembly.instantiate = (module, imports) => {
        const [memory] = Object.values(Object.values(imports)[0]);
        if (!own.has(memory) && (${condition})) throw new Error('not in the mood');
        return instantiate(module, imports);
      };`);

  const works = async (workerUrl: string, threads: number) => {
    const warnings: string[] = [];
    const engine = await engineFor({ workerUrl, threads, onWarning: (text) => warnings.push(text) });
    const x = noise([1, 3, 90, 70]);
    const net = new SmallNet();
    const expected = await (await engineFor({ threads: 1 })).run(net, x);
    expect((await engine.run(net, x)).data).toEqual(expected.data);
    expect(engine.info().host).toBe('worker');
    return { ...engine.info(), warnings };
  };

  test('all pool workers: one thread, with a warning', async () => {
    const { threads, threadsReason, warnings } = await works(failingPool('true'), 3);
    expect(threads).toBe(1);
    expect(threadsReason).toMatch(/^2 of 3 threads did not start: .*not in the mood/);
    expect(warnings).toHaveLength(1);
  });

  test('one pool worker: the others compute', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gouache-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    // The first of them to make the file fails.
    const file = JSON.stringify(path.join(folder, 'taken'));
    const first = `(() => { try { process.getBuiltinModule('node:fs').openSync(${file}, 'wx'); return true; } catch { return false; } })()`;
    const { threads, threadsReason, warnings } = await works(failingPool(first), 4);
    expect(threads).toBe(3);
    expect(threadsReason).toMatch(/^1 of 4 threads did not start: .*not in the mood/);
    expect(warnings).toHaveLength(1);
  });

  test('shared memory: the build for one thread', async () => {
    const refusing = workerAfter(`
      const { Memory } = WebAssembly;
      WebAssembly.Memory = function (limits) {
        if (limits.shared) throw new RangeError('could not allocate memory');
        return new Memory(limits);
      };`);
    const { threads, threadsReason, warnings } = await works(refusing, 2);
    expect(threads).toBe(1);
    expect(threadsReason).toContain('refused the shared memory');
    expect(warnings).toHaveLength(1);
  });

  test.each([1, 3])('address space: the largest memory that it gives, with %i threads', async (threads) => {
    const frugal = workerAfter(`
      const { Memory } = WebAssembly;
      WebAssembly.Memory = function (limits) {
        if (limits.maximum > 1500) throw new RangeError('could not allocate memory');
        return new Memory(limits);
      };`);
    const engine = await engineFor({ workerUrl: frugal, threads });
    expect(engine.info()).toMatchObject({ threads, host: 'worker' });
    await expect(engine.compile(new SmallNet(16), [1, 3, 4096, 2048])).rejects.toMatchObject({
      code: 'out-of-memory',
      // 65536 pages, halved until there are at most 1500.
      wanted: expect.stringContaining(String(1024 * 65536)),
    });
    expect((await engine.run(new SmallNet(), noise([1, 3, 20, 20]))).shape).toEqual([1, 3, 20, 20]);
  });
});
