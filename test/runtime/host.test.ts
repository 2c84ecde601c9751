// The host against the real kernels, asked by messages: what it holds before and after, and what it makes of damaged plans.
import fc from 'fast-check';
import type { Tensor } from 'gouache';
import type * as nn from 'gouache/nn';
import { expect, onTestFinished, test } from 'vitest';
import { EngineDisposedError } from '../../dist/errors.js';
import { type Compiled, compileGraph } from '../../dist/graph/compile.js';
import type { EncodedPlan } from '../../dist/graph/plan.js';
import { traceModule } from '../../dist/nn/trace.js';
import { yieldNow } from '../../dist/platform/yield.js';
import { loadBuild } from '../../dist/runtime/builds.js';
import { HostClient } from '../../dist/runtime/client.js';
import { startLocal } from '../../dist/runtime/local_port.js';
import type { CompileRequest, MemoryReply, PackRequest } from '../../dist/runtime/protocol.js';
import { noise, SmallNet } from '../engine/support/engines.js';

async function hostFor(maximumPages = 65536, yielding = yieldNow): Promise<HostClient> {
  const client = new HostClient(startLocal(yielding), null);
  onTestFinished(() => client.end(new EngineDisposedError('end of test')));
  const { module, initialPages } = await loadBuild('simd128');
  await client.request({
    type: 'init',
    module,
    initialPages,
    maximumPages,
    shared: false,
    noMemoryHint: '',
    pool: null,
  });
  return client;
}

const compiled = (net: nn.Module, shape: readonly number[]): Compiled =>
  compileGraph(traceModule(net, [{ shape }]).graph);

/** Ids of the plan's weights, as {@link load} packs them. */
const idsOf = (plan: number, { weights }: Compiled): number[] =>
  weights.map((_, index) => plan * 100 + index);

function compileRequest(plan: number, compiled: Compiled, weights = idsOf(plan, compiled)): CompileRequest {
  return { type: 'compile', plan, encoded: compiled.encoded, weights };
}

/** A request that packs all weights of the plan, from copies of their bytes. */
function packRequest(plan: number, compiled: Compiled): PackRequest {
  const ids = idsOf(plan, compiled);
  const uploads = compiled.weights.map((weight, index) => {
    const { prepare, raw } = weight.encode();
    return { id: ids[index] ?? 0, bytes: weight.bytes, prepare, raw: raw.map((bytes) => bytes.slice()) };
  });
  return { type: 'pack', plan, uploads };
}

async function load(client: HostClient, plan: number, compiled: Compiled): Promise<MemoryReply> {
  await client.request(packRequest(plan, compiled));
  return client.request(compileRequest(plan, compiled));
}

/** The memory's report: freeing a plan that is not there changes nothing and answers with it. */
const memoryOf = (client: HostClient) => client.request({ type: 'free', plan: -1 });

async function run(client: HostClient, plan: number, x: Tensor): Promise<Float32Array> {
  const inputs = [new Uint8Array(x.data.slice().buffer)];
  const { outputs } = await client.request({ type: 'run', plan, inputs, wantsProgress: false });
  return new Float32Array(outputs[0]?.buffer ?? new ArrayBuffer(0));
}

test('a run neither allocates nor grows the memory', async () => {
  const client = await hostFor();
  await load(client, 1, compiled(new SmallNet(), [1, 3, 40, 30]));
  const before = await memoryOf(client);
  for (let time = 0; time < 5; time++) await run(client, 1, noise([1, 3, 40, 30]));
  expect(await memoryOf(client)).toEqual(before);
});

test('plans go on computing the same when a larger one moves the arena', async () => {
  const client = await hostFor();
  const net = new SmallNet(32);
  const x = noise([1, 3, 20, 20]);
  await load(client, 1, compiled(net, [1, 3, 20, 20]));
  const before = await run(client, 1, x);
  const small = await memoryOf(client);
  for (const [plan, side] of [
    [2, 60],
    [3, 200],
  ] as const) {
    const { arenaBytes } = await load(client, plan, compiled(net, [1, 3, side, side]));
    expect(arenaBytes).toBeGreaterThan(small.arenaBytes);
    expect(await run(client, 1, x)).toEqual(before);
  }
});

test('weights go with the last plan that uses them, and everything with the last plan', async () => {
  const client = await hostFor();
  const net = new SmallNet(32);
  const first = compiled(net, [1, 3, 20, 20]);
  await load(client, 1, first);
  await client.request(compileRequest(2, compiled(net, [1, 3, 24, 24]), idsOf(1, first)));
  const x = noise([1, 3, 24, 24]);
  const before = await run(client, 2, x);
  await client.request({ type: 'free', plan: 1 });
  expect(await run(client, 2, x)).toEqual(before);
  const { allocatedBytes, arenaBytes } = await client.request({ type: 'free', plan: 2 });
  expect({ allocatedBytes, arenaBytes }).toEqual({ allocatedBytes: 0, arenaBytes: 0 });
});

test('a compile that the memory cannot hold leaves everything as it was', async () => {
  const client = await hostFor(80);
  const net = new SmallNet(32);
  const x = noise([1, 3, 20, 20]);
  await load(client, 1, compiled(net, [1, 3, 20, 20]));
  const before = await run(client, 1, x);
  const { allocatedBytes, arenaBytes } = await memoryOf(client);
  const large = compiled(net, [1, 3, 512, 512]);
  await expect(load(client, 2, large)).rejects.toMatchObject({ code: 'out-of-memory' });
  expect(await memoryOf(client)).toMatchObject({ allocatedBytes, arenaBytes });
  expect(await run(client, 1, x)).toEqual(before);
});

test('weights that are packed for a plan that never comes go when it is freed', async () => {
  const client = await hostFor();
  const whole = compiled(new SmallNet(32), [1, 3, 20, 20]);
  const { allocatedBytes } = await client.request(packRequest(1, whole));
  expect(allocatedBytes).toBeGreaterThan(0);
  expect(await client.request({ type: 'free', plan: 1 })).toMatchObject({ allocatedBytes: 0 });
  await load(client, 2, whole);
  expect(await run(client, 2, noise([1, 3, 20, 20]))).not.toContain(Number.NaN);
});

test('a pack that the memory cannot hold drops all that was packed for the plan', async () => {
  const client = await hostFor(80);
  const whole = compiled(new SmallNet(32), [1, 3, 20, 20]);
  const { type, uploads } = packRequest(1, whole);
  await client.request({ type, plan: 1, uploads: uploads.slice(0, 1) });
  const large = uploads.slice(1).map((upload) => ({ ...upload, bytes: 2 ** 26 }));
  const packing = client.request({ type, plan: 1, uploads: large });
  await expect(packing).rejects.toMatchObject({ code: 'out-of-memory' });
  expect(await memoryOf(client)).toMatchObject({ allocatedBytes: 0 });
});

test('a run returns to the event loop again and again', async () => {
  // Of this process, not of the clock: a busy machine may take any time away.
  const cpuMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const slices_ms: number[] = [];
  let last = cpuMs();
  const client = await hostFor(65536, async () => {
    slices_ms.push(cpuMs() - last);
    await yieldNow();
    last = cpuMs();
  });
  await load(client, 1, compiled(new SmallNet(64), [1, 3, 384, 384]));
  slices_ms.length = 0;
  last = cpuMs();
  await run(client, 1, noise([1, 3, 384, 384]));
  expect(slices_ms.length).toBeGreaterThan(5);
  // 4 ms and one tile of at most about 5 ms; the compiler's and the collector's threads count too.
  expect(Math.max(...slices_ms)).toBeLessThan(100);
});

test('a plan with damaged words is refused or loaded, and never traps', async () => {
  const client = await hostFor();
  const whole = compiled(new SmallNet(), [1, 3, 12, 12]);
  await load(client, 1, whole);
  const x = noise([1, 3, 12, 12]);
  const before = await run(client, 1, x);
  const { words } = whole.encoded;
  const damage = fc.array(
    fc.tuple(fc.nat(words.length - 1), fc.oneof(fc.nat(70), fc.integer({ min: 0, max: 0xffffffff }))),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const damaged = words.slice();
      for (const [at, value] of changes) damaged[at] = value;
      const encoded: EncodedPlan = { ...whole.encoded, words: damaged };
      const loaded = client.request({ ...compileRequest(1, whole), plan: 2, encoded });
      try {
        await loaded;
      } catch (error) {
        refused++;
        expect(error).toMatchObject({ code: 'internal', op: 'plan_load' });
      }
      await client.request({ type: 'free', plan: 2 });
    }),
    { numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(50);
  expect(await run(client, 1, x)).toEqual(before);
});
