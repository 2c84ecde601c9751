// Memory: plans and weights come and go, and the memory stays as large as the largest of them needs.
import { type CallOptions, OutOfMemoryError, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';
import { engineFor, noise, SmallNet, weightsFor } from './support/engines.js';

/** What the plans' words and the heap's rounding may add. */
const SLACK_BYTES = 2 * 2 ** 20;

test('200 sizes leave the memory as the largest one made it', async () => {
  const engine = await engineFor();
  const net = new SmallNet(16);
  await engine.run(net, noise([1, 3, 256, 256]));
  const { memoryBytes, arenaBytes } = engine.memory();
  for (let index = 0; index < 200; index++) {
    const [height, width] = [8 + ((index * 37) % 248), 8 + ((index * 61) % 248)];
    const y = await engine.run(net, noise([1, 3, height, width]));
    expect(y.shape).toEqual([1, 3, height, width]);
  }
  expect(engine.memory().arenaBytes).toBe(arenaBytes);
  expect(engine.memory().memoryBytes).toBeLessThanOrEqual(memoryBytes + SLACK_BYTES);
});

test('growing sizes cost their largest arena, not the sum', async () => {
  const engine = await engineFor();
  const net = new SmallNet(16);
  for (let side = 16; side <= 256; side += 8) await engine.run(net, noise([1, 3, side, side]));
  const grown = engine.memory();
  const other = await engineFor();
  await other.run(net, noise([1, 3, 256, 256]));
  const direct = other.memory();
  expect(grown.arenaBytes).toBe(direct.arenaBytes);
  expect(grown.memoryBytes).toBeLessThanOrEqual(direct.memoryBytes + direct.arenaBytes + SLACK_BYTES);
});

test('50 sets of weights take the memory of one, and each takes effect', async () => {
  const engine = await engineFor();
  const net = new SmallNet(64);
  const session = await engine.compile(net, [1, 3, 24, 24]);
  const x = noise([1, 3, 24, 24]);
  await session.run(x);
  // A second plan with the same weights: both have to let go of the old ones.
  await engine.run(net, noise([1, 3, 16, 16]));
  const before = engine.memory();
  const results = new Set<number>();
  for (let seed = 2; seed < 52; seed++) {
    net.loadStateDict(weightsFor(net, seed));
    const y = await session.run(x);
    results.add(y.data[5] ?? 0);
    const z = await engine.run(net, noise([1, 3, 16, 16]));
    expect(z.data[0]).not.toBeNaN();
  }
  expect(results.size).toBe(50);
  expect(engine.memory()).toEqual(before);
});

test('weights are stored once for all sizes, and go with the last plan', async () => {
  const engine = await engineFor();
  const net = new SmallNet(64);
  const first = await engine.compile(net, [1, 3, 64, 64]);
  const one = engine.memory().allocatedBytes;
  const second = await engine.compile(net, [1, 3, 32, 32]);
  const weight_bytes = net.parameters().reduce((sum, parameter) => sum + 4 * parameter.numel(), 0);
  // Only the second plan's words came.
  expect(engine.memory().allocatedBytes - one).toBeLessThan(weight_bytes / 2);
  await first.dispose();
  await second.dispose();
});

test('the same network at the same size compiles once; train() or other weights compile again', async () => {
  const engine = await engineFor();
  const net = new SmallNet();
  const x = noise([1, 3, 16, 16]);
  const phases = async () => {
    const seen = new Set<string>();
    await engine.run(net, x, { onProgress: ({ phase }) => seen.add(phase) });
    return [...seen];
  };
  expect(await phases()).toEqual(['compile', 'run']);
  expect(await phases()).toEqual(['run']);
  net.first.weight.set(noise(net.first.weight.shape, 9));
  expect(await phases()).toEqual(['compile', 'run']);
  expect(await phases()).toEqual(['run']);
});

test('a compile that is aborted half way leaves no weights, and the next one finds them whole', async () => {
  const engine = await engineFor();
  // Weights of several messages.
  const convolutions = Array.from({ length: 4 }, () => new nn.Conv2d(256, 256, 3));
  const net = new nn.Sequential(...convolutions);
  net.loadStateDict(weightsFor(net, 1));
  await engine.run((x) => x.relu(), noise([1, 3, 16, 16]));
  const { allocatedBytes } = engine.memory();
  const controller = new AbortController();
  const aborted = engine.compile(net, [1, 256, 12, 12], {
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done === 1) controller.abort('enough');
    },
  });
  await expect(aborted).rejects.toBe('enough');
  // In its turn, so that the host has let go.
  await engine.run((x) => x.relu(), noise([1, 3, 16, 16]));
  expect(engine.memory().allocatedBytes).toBe(allocatedBytes);
  const done: number[] = [];
  const session = await engine.compile(net, [1, 256, 12, 12], {
    onProgress: (progress) => done.push(progress.done),
  });
  expect(done).toEqual([...done].sort((a, b) => a - b));
  const x = noise([1, 256, 12, 12]);
  const other = await engineFor();
  expect((await session.run(x)).data).toEqual((await other.run(net, x)).data);
  const lengths = [...net.stateDict().values()].map(({ stored }) => stored?.bytes.byteLength);
  expect(lengths).not.toContain(0);
});

test('what cannot fit is refused before anything is allocated, with the bytes and the side that fits', async () => {
  const engine = await engineFor({ maxMemoryBytes: 64 * 2 ** 20 });
  const net = new SmallNet(16);
  const before = engine.memory();
  const error = await engine.compile(net, [1, 3, 4096, 2048]).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OutOfMemoryError);
  if (!(error instanceof OutOfMemoryError)) return;
  expect(engine.memory()).toEqual(before);
  expect(error.wantedBytes).toBeGreaterThan(64 * 2 ** 20);
  const side = error.largestSide ?? 0;
  expect(side).toBeGreaterThan(256);
  expect(side).toBeLessThan(4096);
  expect(error.message).toContain(String(error.wantedBytes));
  expect(error.message).toContain(String(side));
  // The side that it names does fit, and the next multiple does not.
  const y = await engine.run(net, noise([1, 3, side, side / 2]));
  expect(y.shape).toEqual([1, 3, side, side / 2]);
  await expect(engine.compile(net, [1, 3, side + 16, side / 2 + 16])).rejects.toBeInstanceOf(
    OutOfMemoryError,
  );
});

test('the side that fits is found with few looks, also of a single row, which takes 16 times the memory when it is rounded up', async () => {
  const engine = await engineFor({ maxMemoryBytes: 16 * 2 ** 20 });
  let looks = 0;
  const target = (x: nn.Value) => {
    looks++;
    return x.add(1).sqrt();
  };
  const run = (height: number, width: number) =>
    engine.run(target, Tensor.from(new Float32Array(height * width), [1, 1, height, width]));
  const error = await run(1, 2 ** 23).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OutOfMemoryError);
  expect(looks).toBeLessThan(200);
  const side = (error as OutOfMemoryError).largestSide ?? 0;
  await run(16, side);
  await expect(run(16, side + 16)).rejects.toBeInstanceOf(OutOfMemoryError);
});

/** A convolution with its own weights of `channels`^2 * 36 bytes, all over the same stored bytes. */
function heavy(channels: number, bytes: Uint8Array): nn.Conv2d {
  const conv = new nn.Conv2d(channels, channels, 3, { bias: false });
  conv.weight.set(heavyWeights(channels, bytes));
  return conv;
}

const heavyWeights = (channels: number, bytes: Uint8Array): nn.StoredTensor => ({
  bytes,
  dtype: 'F32',
  shape: [channels, channels, 3, 3],
  strides: [channels * 9, 9, 3, 1],
});

test('plans that only the cache keeps make room; a session keeps its own', async () => {
  const limit_bytes = 48 * 2 ** 20;
  const engine = await engineFor({ maxMemoryBytes: limit_bytes });
  const weights = new Uint8Array(256 * 256 * 36);
  const x = noise([1, 256, 3, 3]);
  const kept = heavy(256, weights);
  const session = await engine.compile(kept, [1, 256, 3, 3]);
  // Each has 2.25 MiB of weights; 40 of them are twice the memory.
  for (let index = 0; index < 40; index++) {
    const y = await engine.run(heavy(256, weights), x);
    expect(y.shape).toEqual([1, 256, 1, 1]);
    expect(engine.memory().memoryBytes).toBeLessThanOrEqual(limit_bytes);
  }
  const phases = new Set<string>();
  await session.run(x, { onProgress: ({ phase }) => phases.add(phase) });
  expect([...phases]).toEqual(['run']);
});

test('cached plans are bounded in bytes, least recently used first', async () => {
  const engine = await engineFor();
  const weights = new Uint8Array(512 * 512 * 36);
  const x = noise([1, 512, 3, 3]);
  const first = heavy(512, weights);
  const compiled = async (conv: nn.Conv2d) => {
    const phases = new Set<string>();
    await engine.run(conv, x, { onProgress: ({ phase }) => phases.add(phase) });
    return phases.has('compile');
  };
  expect(await compiled(first)).toBe(true);
  const second = heavy(512, weights);
  expect(await compiled(second)).toBe(true);
  // 9 MiB each: 32 are more than the 256 MiB that the cache may keep.
  for (let index = 0; index < 32; index++) {
    expect(await compiled(heavy(512, weights))).toBe(true);
    if (index % 8 === 0) expect(await compiled(first)).toBe(false);
    expect(engine.memory().allocatedBytes).toBeLessThan(270 * 2 ** 20);
  }
  expect(await compiled(second)).toBe(true);
});

/** The sum of 30 convolutions of the same input: their 9 MiB each are more than the cache may keep. */
function wide(): (x: nn.Value) => nn.Value {
  const weights = new Uint8Array(512 * 512 * 36);
  const convolutions = Array.from({ length: 30 }, () => heavy(512, weights));
  return (x) => convolutions.map((conv) => conv.forward(x)).reduce((sum, y) => sum.add(y));
}

/** The steps of compiling that a call reports: none when its plan is there, one when its weights are. */
async function compileSteps(call: (options: CallOptions) => Promise<unknown>): Promise<number[]> {
  const steps: number[] = [];
  await call({ onProgress: ({ phase, done }) => phase === 'compile' && steps.push(done) });
  return steps;
}

test('a network whose weights are more than the cache keeps runs at two sizes, and packs once', async () => {
  const engine = await engineFor();
  const net = wide();
  const other = heavy(512, new Uint8Array(512 * 512 * 36));
  const run = (side: number) =>
    compileSteps((options) => engine.run(net, noise([1, 512, side, side]), options));
  expect((await run(3)).at(-1)).toBe(31);
  expect(await run(3)).toEqual([]);
  // Their weights are shared, and cost nothing while one of the plans is in use.
  expect(await run(4)).toEqual([0, 1]);
  expect(await run(3)).toEqual([]);
  expect(await run(4)).toEqual([]);
  // Calls that wait for each other find their plans too.
  const x = noise([1, 512, 3, 3]);
  await Promise.all([engine.run(net, x), engine.run(other, x), engine.run(net, x)]);
  // Loading something else makes room.
  await engine.run(other, x);
  await engine.run(other, noise([1, 512, 4, 4]));
  expect(engine.memory().allocatedBytes).toBeLessThan(30 * 2 ** 20);
});

test('a session whose weights are more than the cache keeps packs once, leaves the cache its room, and gives its own back', async () => {
  const engine = await engineFor();
  const net = wide();
  const other = heavy(512, new Uint8Array(512 * 512 * 36));
  const small = noise([1, 512, 3, 3]);
  const runOther = () => compileSteps((options) => engine.run(other, small, options));
  const large = () => compileSteps((options) => engine.run(net, noise([1, 512, 4, 4]), options));
  expect(await runOther()).not.toEqual([]);
  const compiling: number[] = [];
  const session = await engine.compile(net, [1, 512, 3, 3], {
    onProgress: ({ done }) => compiling.push(done),
  });
  expect(compiling).toEqual([...new Set(compiling)]);
  expect(await compileSteps((options) => session.run(small, options))).toEqual([]);
  expect(await large()).toEqual([0, 1]);
  expect(await runOther()).toEqual([]);
  expect(await large()).toEqual([]);
  expect(await runOther()).toEqual([]);
  await session.dispose();
  expect(await runOther()).toEqual([]);
  expect(engine.memory().allocatedBytes).toBeLessThan(30 * 2 ** 20);
});

/** Ways in which a compile rejects when all its work is done. */
const tooLate = {
  'is aborted at its last step': () => {
    const controller = new AbortController();
    return {
      signal: controller.signal,
      onProgress: ({ done, total }: { done: number; total: number }) => {
        if (done === total) controller.abort('enough');
      },
    };
  },
  'has an onProgress that throws': () => ({
    onProgress: () => {
      throw 'enough';
    },
  }),
};

test.each(Object.entries(tooLate))('a compile that %s leaves nothing', async (_, options) => {
  const engine = await engineFor({ maxMemoryBytes: 48 * 2 ** 20 });
  const weights = new Uint8Array(256 * 256 * 36);
  const x = noise([1, 256, 3, 3]);
  const session = await engine.compile(heavy(256, weights), [1, 256, 3, 3]);
  const { allocatedBytes } = engine.memory();
  // Each has 2.25 MiB of weights; 40 of them are twice the memory.
  for (let index = 0; index < 40; index++) {
    await expect(engine.compile(heavy(256, weights), [1, 256, 3, 3], options())).rejects.toBe('enough');
  }
  expect(await compileSteps((given) => session.run(x, given))).toEqual([]);
  expect(engine.memory().allocatedBytes).toBe(allocatedBytes);
});

test('weights that were replaced go before new ones come, at every size and in every network that shares them', async () => {
  const engine = await engineFor();
  const weights = new Uint8Array(256 * 256 * 36);
  const conv = heavy(256, weights);
  for (const net of [conv, new nn.Sequential(conv, new nn.ReLU())])
    for (const side of [3, 4]) await engine.run(net, noise([1, 256, side, side]));
  const { memoryBytes } = engine.memory();
  for (let time = 0; time < 10; time++) {
    conv.weight.set(heavyWeights(256, weights));
    await engine.run(conv, noise([1, 256, 3, 3]));
    expect(engine.memory().allocatedBytes).toBeLessThan(2 * weights.byteLength);
  }
  expect(engine.memory().memoryBytes).toBe(memoryBytes);
});

test('a call looks at nothing of plans that are not its own', async () => {
  const engine = await engineFor();
  const x = noise([2]);
  let looks = 0;
  for (let index = 0; index < 50; index++) {
    const parameter = new nn.Parameter(x);
    const { values } = parameter;
    Object.defineProperty(parameter, 'values', {
      get() {
        looks++;
        return values;
      },
    });
    await engine.run((value) => value.mul(parameter), x);
  }
  expect(looks).toBeGreaterThan(0);
  looks = 0;
  await engine.run((value) => value.add(1), x);
  expect(looks).toBe(0);
});
