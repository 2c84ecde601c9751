/** What parameters alone determine: computed once, kept where it is small or packed, and shared by what it says. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Engine, Tensor } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CompileOptions, compileGraph } from '../../dist/graph/compile.js';
import { fuse } from '../../dist/graph/fuse.js';
import { lower } from '../../dist/graph/lower.js';
import * as nn from '../../dist/nn/index.js';
import { type Traceable, traceModule } from '../../dist/nn/trace.js';
import { random, randomTensor, type Shape } from '../ops/array.js';

const F = nn.functional;
const compiled = (target: Traceable, shape: Shape, options?: CompileOptions) =>
  compileGraph(traceModule(target, [{ shape }]).graph, options);
const keysOf = (target: Traceable, shape: Shape): string[] =>
  compiled(target, shape).weights.map(({ key }) => key);
/** The kernels that run, in order. */
const running = (target: Traceable, shape: Shape): string[] =>
  compiled(target, shape).stages.separated.running.graph.nodes.map(({ op }) => op);
const parameter = (shape: Shape, seed = 1): nn.Parameter =>
  new nn.Parameter(randomTensor(random(seed), shape));

const zeros = (shape: Shape): Tensor => randomTensor(() => 0.5, shape);

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ threads: 1, worker: false });
});
afterAll(() => engine?.dispose());

describe('what is kept', () => {
  const picture: Shape = [1, 32, 32, 32];
  const [v, g] = [parameter([32, 32, 3, 3]), parameter([32])];

  test('a weight that is calculated is packed once', () => {
    const norm = (w: nn.Parameter): nn.Value => w.mul(w).mean([1, 2, 3], { keepdim: true }).sqrt();
    const target = (x: nn.Value): nn.Value =>
      F.conv2d(x, v.div(norm(v)).mul(g.view(32, 1, 1, 1)), { bias: g.mul(g) });
    expect(running(target, picture).filter((op) => op !== 'move')).toEqual(['conv_winograd']);
    expect(compiled(target, picture).explain()).toMatch(
      /\n {2}weight#\d packed conv_winograd.*: .*reduce.*pointwise, (move, )?pack of mul.input \[32, 32, 3, 3\], view.input \[32\]\n/,
    );
  });

  test('also where what lies on the way to it is large, and where the result is small', () => {
    const [rows, columns] = [parameter([64, 1]), parameter([1, 64])];
    const outer = (): nn.Value => rows.mul(columns);
    expect(running((x) => F.conv2d(x, outer().view(64, 64, 1, 1)), [1, 64, 3, 3])).not.toContain('pack');
    expect(running((x) => x.mul(outer().mean()), [4])).toEqual(['view', 'pointwise']);
  });

  test('a result that is much larger than its sources is made in each run, of kept ones', async () => {
    const [rows, columns] = [parameter([64, 1]), parameter([1, 64])];
    const target = (x: nn.Value): nn.Value => x.add(rows.tanh().mul(columns));
    const { weights } = compiled(target, [64, 64]);
    expect(running(target, [64, 64]).filter((op) => op === 'pointwise')).toHaveLength(2);
    expect(Math.max(...weights.map(({ bytes }) => bytes))).toBeLessThan(64 * 64 * 4);
    const y = await engine.run(target, zeros([64, 64]));
    const [a, b] = [randomTensor(random(1), [64]), randomTensor(random(1), [64])];
    expect(y.data[64 * 3 + 5]).toBeCloseTo(Math.tanh(a.data[3] ?? 0) * (b.data[5] ?? 0), 5);
  });

  test('parameters, and what is made of them, as outputs beside others', async () => {
    const p = new nn.Parameter(Tensor.from([1, 2, 3], [3]));
    const [a, b, c, d] = await engine.run(
      (x: nn.Value) => [p as unknown as nn.Value, p.mul(2), x.add(p), p as unknown as nn.Value],
      Tensor.from([10, 20, 30], [3]),
    );
    expect([a, b, c, d].map((y) => [...(y?.data ?? [])])).toEqual([
      [1, 2, 3],
      [2, 4, 6],
      [11, 22, 33],
      [1, 2, 3],
    ]);
  });

  test('values that change between runs change what was made of them', async () => {
    const p = new nn.Parameter(Tensor.from([1, 2], [2]));
    const session = await engine.compile((x: nn.Value) => x.add(p.mul(3).view(1, 2)), [1, 2]);
    const x = zeros([1, 2]);
    expect([...(await session.run(x)).data]).toEqual([3, 6]);
    p.set(Tensor.from([5, 7], [2]));
    expect([...(await session.run(x)).data]).toEqual([15, 21]);
    await session.dispose();
  });

  test('half precision, one number for all, and strides lie in the bytes that are prepared as they are stored', async () => {
    const half = new nn.Parameter({
      bytes: new Uint8Array([0, 0x3c, 0, 0x40, 0, 0x42]),
      dtype: 'F16',
      shape: [3],
      strides: [1],
    });
    const brain = new nn.Parameter({
      bytes: new Uint8Array([0x80, 0x3f, 0, 0x40]),
      dtype: 'BF16',
      shape: [2, 3],
      strides: [1, 0],
    });
    const target = (x: nn.Value): nn.Value => x.add(half.mul(brain).add(brain));
    const y = await engine.run(target, zeros([2, 3]));
    expect([...y.data]).toEqual([2, 3, 4, 4, 6, 8]);
    const raw = compiled(target, [2, 3]).weights.flatMap((weight) =>
      weight.encode().raw.map(({ byteLength }) => byteLength),
    );
    expect(raw.sort()).toEqual([4, 6]);
  });

  test('a long expression', async () => {
    const p = new nn.Parameter(Tensor.from([1], [1]));
    const target = (x: nn.Value): nn.Value => {
      let sum: nn.Expression = p;
      for (let step = 0; step < 20_000; step++) sum = sum.add(1);
      return x.add(sum);
    };
    expect([...(await engine.run(target, Tensor.from([1], [1]))).data]).toEqual([20_002]);
  });
});

describe('keys', () => {
  const [p, q] = [parameter([4]), parameter([4])];
  const one = (target: (x: nn.Value) => nn.Value, shape: Shape = [4]): string => {
    const keys = keysOf(target, shape);
    expect(keys).toHaveLength(1);
    return keys[0] ?? '';
  };

  test('are equal for equal expressions of one parameter, whoever reads them', () => {
    const twice = keysOf((x) => x.mul(p.add(1)).sub(p.add(1)), [4]);
    expect(twice).toHaveLength(1);
    expect(one((x) => x.sub(p.add(1)))).toBe(twice[0]);
  });

  test('differ wherever expressions do', () => {
    const weight = parameter([4, 8, 3, 3]);
    const conv = (weightOf: () => nn.Expression, channels: number): string =>
      one((x) => F.conv2d(x, weightOf()), [1, channels, 4, 4]);
    const stored = (eps: number): string => {
      const keys = keysOf((x) => F.batchNorm(x, p, q, { eps }), [1, 4, 2, 2]);
      return keys.join();
    };
    const keys = [
      ...[0, -0, 1, 1e-5, 1e-6].flatMap((value) => [
        one((x) => x.add(p.add(value))),
        one((x) => x.add(p.sub(value))),
        one((x) => x.add(p.div(value))),
      ]),
      one((x) => x.add(p)),
      one((x) => x.add(q)),
      one((x) => x.add(p.sub(q))),
      one((x) => x.add(q.sub(p))),
      one((x) => x.add(p.sub(p))),
      one((x) => x.add(p.mul(q))),
      one((x) => x.add(p.permute(0).tanh())),
      one((x) => x.add(p.slice(0, 1, 2))),
      one((x) => x.add(p.slice(0, 2, 3))),
      one((x) => x.add(p.view(2, 2).permute(1, 0)), [2, 2]),
      stored(1e-5),
      stored(1e-6),
      conv(() => weight, 8),
      conv(() => weight.view(8, 4, 3, 3), 4),
      conv(() => weight.view(4, 24, 1, 3), 24),
      conv(() => weight.permute(0, 1, 3, 2), 8),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('are as long as the expression, however often its parts are shared', () => {
    const doubled = (times: number): string =>
      one((x) => {
        let sum: nn.Expression = p;
        for (let time = 0; time < times; time++) sum = sum.add(sum);
        return x.add(sum);
      });
    expect(doubled(40).length).toBeLessThan(2.2 * doubled(20).length);
  });
});

describe('numbers made while tracing', () => {
  const kernel = (seed: number): Tensor => randomTensor(random(seed), [4, 4, 3, 3]);
  const x = randomTensor(random(9), [1, 4, 6, 6]);
  const using =
    (seed: number) =>
    (input: nn.Value): nn.Value =>
      F.conv2d(input, new nn.Parameter(kernel(seed)));

  test('are packed once, also when the collector has been there, and others are others', async () => {
    const own = await Engine.create({ threads: 1, worker: false });
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const first = await own.run(using(1), x);
    const { allocatedBytes } = own.memory();
    for (let time = 0; time < 3; time++) {
      collect();
      // A WeakRef is kept until the turn of the event loop ends.
      await new Promise((resolve) => setTimeout(resolve, 0));
      collect();
      expect((await own.run(using(1), x)).data).toEqual(first.data);
      expect(own.memory().allocatedBytes).toBe(allocatedBytes);
    }
    expect((await own.run(using(2), x)).data).not.toEqual(first.data);
    expect(own.memory().allocatedBytes).toBeGreaterThan(allocatedBytes);
    await own.dispose();
  });

  test('that a module keeps are its own', async () => {
    class Lazy extends nn.Module {
      weight: nn.Parameter | null = null;
      override forward(input: nn.Value): nn.Value {
        this.weight ??= new nn.Parameter(kernel(1));
        return F.conv2d(input, this.weight);
      }
    }
    const [a, b] = [new Lazy(), new Lazy()];
    const sessions = [await engine.compile(a, [1, 4, 6, 6]), await engine.compile(b, [1, 4, 6, 6])];
    const before = await Promise.all(sessions.map((session) => session.run(x)));
    expect(before[0]?.data).toEqual(before[1]?.data);
    b.weight?.set(kernel(2));
    const after = await Promise.all(sessions.map((session) => session.run(x)));
    expect(after[0]?.data).toEqual(before[0]?.data);
    expect(after[1]?.data).not.toEqual(before[1]?.data);
    for (const session of sessions) await session.dispose();
  });
});

test('nothing that is not lowered reaches fuse', () => {
  const { graph } = traceModule((x: nn.Value) => x.tanh(), [{ shape: [1] }]);
  expect(fuse(lower(graph)).nodes.map(({ op }) => op)).toEqual(['pointwise']);
  // @ts-expect-error -- operators are no kernel nodes
  expect(() => fuse(graph)).not.toThrow();
});
