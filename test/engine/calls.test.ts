// Calls: order, aborting, progress, the event loop, arguments, disposal.
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineDisposedError, type Progress, ShapeError, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, onTestFinished, test } from 'vitest';
import { engineFor, noise, SlowNet, SmallNet, slowInput } from './support/engines.js';

describe.each([{ threads: 1 }, { threads: 3 }, { worker: false }])('with %o', (options) => {
  test('runs end in the order of the calls', async () => {
    const engine = await engineFor(options);
    const ended: number[] = [];
    const sizes = [64, 3, 48, 5, 32];
    await Promise.all(
      sizes.map(async (size, index) => {
        const y = await engine.run((x) => x.add(index), Tensor.from(new Float32Array(size), [size]));
        expect(y.data[size - 1]).toBe(index);
        ended.push(index);
      }),
    );
    expect(ended).toEqual([0, 1, 2, 3, 4]);
  });

  test('an input that is changed after the call does not change the result', async () => {
    const engine = await engineFor(options);
    const busy = engine.run(new SmallNet(), noise([1, 3, 64, 64]));
    const x = Tensor.from([1, 2], [2]);
    const result = engine.run((value) => value.mul(10), x);
    x.data.fill(7);
    expect([...(await result).data]).toEqual([10, 20]);
    expect(x.data.byteLength).toBe(8);
    await busy;
  });

  test('a run that is aborted rejects with the reason within slices, and the engine runs on', async () => {
    const engine = await engineFor(options);
    const net = new SlowNet(400);
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    let running = false;
    const long = engine.run(net, slowInput(), {
      signal: controller.signal,
      onProgress: ({ phase }) => {
        running ||= phase === 'run';
      },
    });
    long.catch(() => {});
    while (!running) await sleep(1);
    const started = performance.now();
    controller.abort(reason);
    await expect(long).rejects.toBe(reason);
    // The next run begins when the host has let go; the whole of the aborted one would take many seconds.
    const y = await engine.run((x) => x.add(1), Tensor.from([1], [1]));
    expect(performance.now() - started).toBeLessThan(1000);
    expect(y.data[0]).toBe(2);
  });

  test('a waiting run that is aborted rejects at once, also when the signal fired before', async () => {
    const engine = await engineFor(options);
    const log: string[] = [];
    const long = engine.run(new SlowNet(), slowInput()).then(() => log.push('long'));
    const controller = new AbortController();
    const waiting = engine.run((x) => x.relu(), Tensor.from([1], [1]), { signal: controller.signal });
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    await expect(
      engine.run((x) => x.relu(), Tensor.from([1], [1]), { signal: AbortSignal.abort('before') }),
    ).rejects.toBe('before');
    log.push('aborted');
    await long;
    expect(log).toEqual(['aborted', 'long']);
  });

  test('the caller’s timers tick during a run', async () => {
    const engine = await engineFor(options);
    const net = new SlowNet(30);
    let ticks = 0;
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      ticks++;
    }, 4);
    const started = performance.now();
    await engine.run(net, slowInput());
    const took = performance.now() - started;
    clearInterval(timer);
    expect(took).toBeGreaterThan(100);
    expect(ticks).toBeGreaterThan(took / 40);
    // Without slices it would be the whole run; a busy machine may delay a timer by itself.
    expect(longest).toBeLessThan(took / 4);
  });

  test('progress counts up in both phases and ends full', async () => {
    const engine = await engineFor(options);
    const seen: Progress[] = [];
    await engine.run(new SlowNet(4), slowInput(), { onProgress: (progress) => seen.push(progress) });
    for (const phase of ['compile', 'run'] as const) {
      const steps = seen.filter((progress) => progress.phase === phase);
      expect(steps.length).toBeGreaterThan(1);
      const done = steps.map((step) => step.done);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(steps.at(-1)?.done).toBe(steps.at(-1)?.total);
    }
    const phases = seen.map(({ phase }) => phase);
    expect(phases.lastIndexOf('compile')).toBeLessThan(phases.indexOf('run'));
  });

  test('what onProgress throws reaches the caller, and the engine runs on', async () => {
    const engine = await engineFor(options);
    const mistake = new Error('in my callback');
    const onProgress = () => {
      throw mistake;
    };
    await expect(engine.run((x) => x.relu(), Tensor.from([1], [1]), { onProgress })).rejects.toBe(mistake);
    expect((await engine.run((x) => x.relu(), Tensor.from([1], [1]))).data[0]).toBe(1);
  });

  test('what an async onProgress rejects with reaches the caller, and the engine runs on', async () => {
    const engine = await engineFor(options);
    const mistake = new Error('in my callback');
    const onProgress = async () => {
      await sleep(20);
      throw mistake;
    };
    await expect(engine.run((x) => x.relu(), Tensor.from([1], [1]), { onProgress })).rejects.toBe(mistake);
    expect((await engine.run((x) => x.relu(), Tensor.from([1], [1]))).data[0]).toBe(1);
  });

  test('an onProgress that never ends holds up no other call; an abort or the end of the engine ends its own', async () => {
    const engine = await engineFor(options);
    const compile = (signal?: AbortSignal) => {
      const onProgress = () => new Promise<void>(() => {});
      return engine.compile((x) => x.relu(), [4], { signal, onProgress });
    };
    const before = engine.memory().allocatedBytes;
    const controller = new AbortController();
    const aborted = compile(controller.signal);
    const other = await engine.compile((x) => x.tanh(), [8]);
    // It came behind: the first one is loaded, and waits for its callback alone.
    controller.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    await other.dispose();
    await engine.run((x) => x.relu(), Tensor.from([1], [1]));
    const waiting = expect(compile()).rejects.toThrow(EngineDisposedError);
    await engine.run((x) => x.relu(), Tensor.from([1], [1]));
    expect(engine.memory().allocatedBytes).toBeGreaterThan(before);
    await engine.dispose();
    await waiting;
  });

  test('a call that is aborted while it waits for its onProgress rejects before others end', async () => {
    const engine = await engineFor(options);
    const controller = new AbortController();
    const aborted = engine.compile((x) => x.relu(), [4], {
      signal: controller.signal,
      onProgress: () => new Promise<void>(() => {}),
    });
    const log: string[] = [];
    const first = engine.run((x) => x.relu(), Tensor.from([1], [1]));
    const slow = engine.run(new SlowNet(), slowInput()).then(() => log.push('slow'));
    await first;
    controller.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    log.push('aborted');
    await slow;
    expect(log).toEqual(['aborted', 'slow']);
  });

  test('a signal that throws whatever it is asked ends its call alone', async () => {
    const engine = await engineFor(options);
    const mistake = new Error('in my signal');
    const fails = () => {
      throw mistake;
    };
    const quiet = { aborted: false, addEventListener() {}, removeEventListener() {} };
    const one = Tensor.from([1], [1]);
    const asked = (times: number) =>
      Object.defineProperty({ ...quiet }, 'aborted', { get: () => (times-- > 0 ? false : fails()) });
    for (const signal of [{ ...quiet, addEventListener: fails }, asked(0)]) {
      await expect(engine.run((x) => x.relu(), one, { signal })).rejects.toBe(mistake);
      expect((await engine.run((x) => x.relu(), one)).data[0]).toBe(1);
    }
    // Somewhere on the way, or never asked so often.
    for (let times = 1; times < 8; times++) {
      const call = engine.run((x) => x.add(times), one, { signal: asked(times) });
      expect([mistake, 1 + times]).toContain(
        await call.then(
          ({ data }) => data[0],
          (error) => error,
        ),
      );
      expect((await engine.run((x) => x.relu(), one)).data[0]).toBe(1);
    }
    const kept = { ...quiet, removeEventListener: fails };
    expect((await engine.run((x) => x.relu(), one, { signal: kept })).data[0]).toBe(1);
    expect((await engine.run((x) => x.relu(), one, { signal: kept })).data[0]).toBe(1);
  });

  test('many calls with one signal: no warning, and all of them end with it', async () => {
    const engine = await engineFor(options);
    const warnings: Error[] = [];
    const hear = (warning: Error) => warnings.push(warning);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    const controller = new AbortController();
    const { signal } = controller;
    const first = engine.run(new SlowNet(), slowInput(), { signal });
    const others = Array.from({ length: 20 }, () =>
      engine.run((x) => x.relu(), Tensor.from([1], [1]), { signal }),
    );
    controller.abort('enough');
    for (const call of [first, ...others]) await expect(call).rejects.toBe('enough');
    // Node warns a turn later.
    await sleep(10);
    expect(warnings).toEqual([]);
  });

  test('disposing rejects what waits and what comes; twice is once', async () => {
    const engine = await engineFor(options);
    const session = await engine.compile(new SlowNet(), [1, 64, 128, 128]);
    const running = session.run(slowInput());
    const waiting = engine.run((x) => x.relu(), Tensor.from([1], [1]));
    const settled = Promise.allSettled([running, waiting]);
    await engine.dispose();
    await engine.dispose();
    for (const result of await settled) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'engine-disposed' } });
    }
    await expect(engine.run((x) => x.relu(), Tensor.from([1], [1]))).rejects.toBeInstanceOf(
      EngineDisposedError,
    );
    await expect(session.run(slowInput())).rejects.toBeInstanceOf(EngineDisposedError);
    await session.dispose();
  });
});

test('lists and records come back as forward returns them', async () => {
  const engine = await engineFor();
  const x = Tensor.from([1, 4], [2]);
  const list = await engine.run((a: nn.Value, b: nn.Value) => [a.add(b), a.sub(b)], [x, x]);
  expect(list.map(({ data }) => [...data])).toEqual([
    [2, 8],
    [0, 0],
  ]);
  const record = await engine.run((a: nn.Value) => ({ root: a.sqrt(), same: a }), x);
  expect([...record.root.data]).toEqual([1, 2]);
  expect([...record.same.data]).toEqual([1, 4]);
});

test('sessions: fixed shape, profile, explanation, disposal', async () => {
  const engine = await engineFor();
  const net = new SmallNet();
  const session = await engine.compile(net, [1, 3, 20, 24], { precision: 'highest', fuse: false });
  expect(session.profile()).toEqual({ ms: 0, rows: [] });
  const x = noise([1, 3, 20, 24]);
  const y = await session.run(x);
  expect(y.shape).toEqual([1, 3, 20, 24]);
  const { ms, rows } = session.profile();
  expect(rows.filter(({ op }) => op === 'conv2d').map(({ name }) => name)).toEqual(['first', 'last']);
  expect(ms).toBeGreaterThan(0);
  expect(rows.every((row) => row.ms >= 0)).toBe(true);
  expect(session.explain()).toContain('conv2d');
  await expect(session.run(noise([1, 3, 20, 25]))).rejects.toMatchObject({
    code: 'shape',
    got: '[1, 3, 20, 25]',
  });
  await expect(session.run([x, x])).rejects.toMatchObject({ code: 'argument' });
  await session.dispose();
  await session.dispose();
  await expect(session.run(x)).rejects.toBeInstanceOf(EngineDisposedError);
  // The engine itself runs on.
  expect((await engine.run(net, x)).shape).toEqual([1, 3, 20, 24]);
});

test('await using, where the platform has it', async () => {
  const engine = await engineFor();
  const session = await engine.compile((x: nn.Value) => x.relu(), [2]);
  expect(Symbol.asyncDispose in session && Symbol.asyncDispose in engine).toBe(true);
  await session[Symbol.asyncDispose]();
  await expect(session.run(Tensor.from([1, 2], [2]))).rejects.toBeInstanceOf(EngineDisposedError);
});

test('arguments that cannot be right have typed errors, and the engine runs on', async () => {
  const engine = await engineFor();
  const net = new SmallNet();
  const x = noise([1, 3, 8, 8]);
  const wrong = <T>(value: unknown) => value as T;
  await expect(engine.run(net, wrong([1, 2, 3]))).rejects.toMatchObject({ code: 'argument' });
  await expect(engine.run(net, wrong(new Float32Array(3)))).rejects.toMatchObject({
    code: 'argument',
    got: 'Float32Array',
  });
  await expect(engine.run(wrong<nn.Module>('net'), x)).rejects.toMatchObject({ code: 'argument' });
  await expect(engine.run(net, x, { signal: wrong({}) })).rejects.toMatchObject({ code: 'argument' });
  await expect(engine.run(net, x, { onProgress: wrong('log') })).rejects.toMatchObject({ code: 'argument' });
  await expect(engine.run(net, x, { precision: wrong('low') })).rejects.toMatchObject({ code: 'argument' });
  await expect(engine.run(net, noise([1, 4, 8, 8]))).rejects.toBeInstanceOf(ShapeError);
  await expect(engine.run(net, noise([3, 8]))).rejects.toBeInstanceOf(ShapeError);
  await expect(engine.compile(net, wrong('1x3x8x8'))).rejects.toMatchObject({ code: 'argument' });
  await expect(engine.compile(net, [1, 3, -8, 8])).rejects.toBeInstanceOf(ShapeError);
  await expect(engine.run(new nn.Conv2d(3, 3, 3), x)).rejects.toMatchObject({ code: 'state-dict' });
  expect((await engine.run(net, x)).shape).toEqual([1, 3, 8, 8]);
});

test('an engine that ends at any moment ends a call whose onProgress never does', async () => {
  for (let turns = 0; turns < 80; turns++) {
    const engine = await engineFor({ worker: false });
    const onProgress = async ({ phase }: Progress) => {
      // On the caller's thread, so small a network is done within as many.
      for (let turn = 0; turn < turns; turn++) await null;
      if (phase === 'run') await engine.dispose();
      return new Promise<void>(() => {});
    };
    const call = engine.run((x) => x.relu(), Tensor.from([1], [1]), { onProgress });
    await expect(call).rejects.toThrow(EngineDisposedError);
  }
});
