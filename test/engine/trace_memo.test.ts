// When `forward` is called again: never for what is known, always after a change. The same network as a function is traced at every call,
// and so says what is right.
import { type Engine, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test, vi } from 'vitest';
import { engineFor, modelOf, noise, SmallNet, weightsFor } from './support/engines.js';
import { ACTIVATIONS } from './support/public.js';

const SHAPE = [1, 3, 8, 8];
const x = noise(SHAPE);
const picture = { data: new Uint8Array(12 * 10 * 3).map((_, index) => index * 7), width: 12, height: 10 };

/** What the network computes now. */
const right = (engine: Engine, net: nn.Module): Promise<Tensor> =>
  engine.run((value) => net.forward(value) as nn.Value, x);
const run = (engine: Engine, net: nn.Module): Promise<Tensor> => engine.run(net, x) as Promise<Tensor>;

/** Calls of `forward` by each of so many runs. */
async function traced(engine: Engine, net: nn.Module, runs: number, input = x): Promise<number[]> {
  const forward = vi.spyOn(net, 'forward');
  const calls: number[] = [];
  for (let time = 0; time < runs; time++) {
    forward.mockClear();
    await engine.run(net, input);
    calls.push(forward.mock.calls.length);
  }
  forward.mockRestore();
  return calls;
}

test('a network is traced twice at each size, for each option, and then no more', async () => {
  const engine = await engineFor();
  const net = new SmallNet();
  let calls = 0;
  class Counted extends nn.Module {
    readonly inner = net;
    override forward(value: nn.Value): nn.Value {
      calls++;
      return this.inner.forward(value);
    }
  }
  const counted = new Counted();
  const other = noise([1, 3, 9, 8]);
  for (const [input, options] of [[x], [other], [x, { fuse: false }], [x], [other]] as const) {
    const results = [1, 2, 3].map(() => engine.run(counted, input, options));
    const [first, ...others] = await Promise.all(results);
    for (const y of others) expect(y).toEqual(first);
  }
  expect(calls).toBe(6);
  // A session of a known size is no new trace either.
  const session = await engine.compile(counted, SHAPE);
  expect(await session.run(x)).toEqual(await right(engine, net));
  expect(calls).toBe(6);
});

test('a picture is painted without a trace, until its size or the model’s ranges are others', async () => {
  const engine = await engineFor();
  let calls = 0;
  class Counted extends SmallNet {
    override forward(value: nn.Value): nn.Value {
      calls++;
      return super.forward(value);
    }
  }
  const model = modelOf(new Counted());
  const callsOf = async (...painted: Parameters<Engine['paint']>) => {
    const before = calls;
    await engine.paint(...painted);
    return calls - before;
  };
  const once = await callsOf(model, picture);
  expect(once).toBeGreaterThan(0);
  expect(await callsOf(model, picture)).toBe(once);
  expect(await callsOf({ ...model }, picture)).toBe(0);
  expect(await callsOf({ ...model, pictures: { output: { range: [-1, 2] } } }, picture)).toBe(once);
  const wider = { ...picture, data: new Uint8Array(24 * 10 * 3), width: 24 };
  expect(await callsOf(model, wider)).toBeGreaterThan(0);
  expect(await callsOf(model, picture)).toBe(0);
  model.network.loadStateDict(weightsFor(model.network, 9));
  const fresh = await (await engineFor()).paint(model, picture);
  expect(await engine.paint(model, picture)).toEqual(fresh);
});

/** Has something of every kind that `forward` may read. */
class Various extends nn.Module {
  conv: nn.Module = new nn.Conv2d(3, 3, 3, { padding: 1 });
  norm = new nn.InstanceNorm2d(3) as { eps: number; forward(value: nn.Value): nn.Value };
  gain = new nn.Parameter(noise([1, 3, 1, 1], 3));
  scale = 2;
  shift?: number;
  readonly list = new nn.ModuleList([new nn.ReLU()]);
  readonly numbers = [1, 2];
  readonly options = { inner: { bias: 1 } };
  shape = (value: nn.Value): nn.Value => value;

  constructor() {
    super();
    this.loadStateDict(weightsFor(this, 4));
  }

  override forward(value: nn.Value): nn.Value {
    let y = this.conv.forward(value) as nn.Value;
    y = this.norm.forward(y).mul(this.gain).mul(this.scale);
    for (const layer of this.list) y = layer.forward(y) as nn.Value;
    if (this.training) y = y.add(1);
    // The numbers themselves: what only a change of the values changes.
    const [first = 0] = new Float32Array(this.gain.stored?.bytes.slice().buffer ?? new ArrayBuffer(0));
    y = y.add(first).mul(this.numbers[1] ?? 0);
    return this.shape(y.sub(this.options.inner.bias).add(this.shift ?? 0));
  }
}

const changes: Record<string, (net: Various) => void> = {
  'eval()': (net) => void net.eval(),
  'a child’s mode': (net) => void net.conv.eval(),
  'a replaced child': (net) => {
    net.conv = new nn.Tanh();
  },
  'a replaced parameter': (net) => {
    net.gain = new nn.Parameter(noise([1, 3, 1, 1], 8));
  },
  'other weights': (net) => void net.loadStateDict(weightsFor(net, 5)),
  'a number': (net) => {
    net.scale = -2;
  },
  'a child’s eps': (net) => {
    net.norm.eps = 0.5;
  },
  'an appended child': (net) => void net.list.append(new nn.Tanh()),
  'an entry of an array': (net) => {
    net.numbers[1] = 7;
  },
  'an entry of an object in an object': (net) => {
    net.options.inner.bias = 3;
  },
  'a property that was not there': (net) => {
    net.shift = 4;
  },
  'a function': (net) => {
    net.shape = (value) => value.tanh();
  },
  'forward itself': (net) => {
    net.forward = (value) => value.relu();
  },
};

test.each(Object.entries(changes))('after a change it is traced again: %s', async (_, change) => {
  const engine = await engineFor();
  const net = new Various();
  expect(await traced(engine, net, 4)).toEqual([1, 1, 0, 0]);
  // With its own forward again, the spy gone.
  for (let time = 0; time < 3; time++) await run(engine, net);
  change(net);
  for (let time = 0; time < 3; time++) expect(await run(engine, net)).toEqual(await right(engine, net));
});

test('after a change it is traced again: the sign of a zero', async () => {
  const engine = await engineFor();
  class Divided extends nn.Module {
    by = 0;
    override forward(value: nn.Value): nn.Value {
      return value.div(this.by);
    }
  }
  const net = new Divided();
  const one = Tensor.from([1], [1]);
  for (const [by, wanted] of [
    [0, Infinity],
    [-0, -Infinity],
  ] as const) {
    net.by = by;
    for (let time = 0; time < 3; time++) expect((await engine.run(net, one)).data[0]).toBe(wanted);
  }
});

describe('what cannot be seen is traced at every call', () => {
  class Private extends nn.Module {
    #mode: 'relu' | 'tanh' = 'relu';
    set(mode: 'relu' | 'tanh'): void {
      this.#mode = mode;
    }
    override forward(value: nn.Value): nn.Value {
      return this.#mode === 'relu' ? value.relu() : value.tanh();
    }
  }

  /** As compilers for older platforms write it. */
  class Rewritten extends nn.Module {
    set(mode: 'relu' | 'tanh'): void {
      modes.set(this, mode);
    }
    override forward(value: nn.Value): nn.Value {
      return __privateGet(this, modes) === 'tanh' ? value.tanh() : value.relu();
    }
  }
  const modes = new WeakMap<nn.Module, 'relu' | 'tanh'>();
  const __privateGet = (of: nn.Module, map: typeof modes) => map.get(of);

  class Config {
    mode: 'relu' | 'tanh' = 'relu';
  }
  class Configured extends nn.Module {
    readonly config = new Config();
    set(mode: 'relu' | 'tanh'): void {
      this.config.mode = mode;
    }
    override forward(value: nn.Value): nn.Value {
      return this.config.mode === 'relu' ? value.relu() : value.tanh();
    }
  }

  class Derived extends Private {}

  test.each([Private, Rewritten, Configured, Derived])('%o', async (Net) => {
    const engine = await engineFor();
    const net = new Net();
    for (const whole of [net, new nn.Sequential(net, new nn.ReLU())]) {
      net.set('relu');
      for (let time = 0; time < 3; time++) await run(engine, whole);
      net.set('tanh');
      expect(await run(engine, whole)).toEqual(await right(engine, whole));
    }
  });

  test('a layer from outside of the network', async () => {
    const engine = await engineFor();
    const norm = new nn.InstanceNorm2d(3, { affine: true }) as { eps: number } & nn.InstanceNorm2d;
    class Borrowing extends nn.Module {
      override forward(value: nn.Value): nn.Value {
        return norm.forward(value);
      }
    }
    const net = new Borrowing();
    for (let time = 0; time < 3; time++) await run(engine, net);
    norm.eps = 0.5;
    expect(await run(engine, net)).toEqual(await right(engine, net));
  });
});

test('a forward that changes its own module, or takes turns, is called at every call', async () => {
  const engine = await engineFor();
  class Steps extends nn.Module {
    step = 0;
    override forward(value: nn.Value): nn.Value {
      return this.step++ < 3 ? value.relu() : value.tanh();
    }
  }
  const steps = new Steps();
  const results: Tensor[] = [];
  for (let time = 0; time < 5; time++) results.push(await run(engine, steps));
  expect(steps.step).toBe(5);
  const [relu, tanh] = [await engine.run((v) => v.relu(), x), await engine.run((v) => v.tanh(), x)];
  expect(results).toEqual([relu, relu, relu, tanh, tanh]);

  let turn = false;
  class Turns extends nn.Module {
    override forward(value: nn.Value): nn.Value {
      turn = !turn;
      return turn ? value.relu() : value.tanh();
    }
  }
  const turns = new Turns();
  for (const wanted of [relu, tanh, relu, tanh, relu]) expect(await run(engine, turns)).toEqual(wanted);
});

describe('traceKey', () => {
  let calls = 0;
  class Base extends nn.Module {
    readonly relu = new nn.ReLU();
    #mode = 'relu';
    counted = 0;
    get mode(): string {
      return this.#mode;
    }
    set(mode: string): void {
      this.#mode = mode;
    }
    override forward(value: nn.Value): nn.Value {
      calls++;
      this.counted++;
      const y = this.relu.forward(value);
      return this.#mode === 'relu' ? y : value.tanh().add(this.training ? 1 : 0);
    }
  }
  class Getter extends Base {
    get traceKey(): string {
      return this.mode;
    }
  }
  class Method extends Base {
    traceKey(): string {
      return this.mode;
    }
  }
  class Property extends Base {
    traceKey = 'relu';
    override set(mode: string): void {
      super.set(mode);
      this.traceKey = mode;
    }
  }
  class List extends Base {
    get traceKey(): unknown {
      return ['mode', { is: this.mode }];
    }
  }

  test.each([Getter, Method, Property, List])(
    '%o: traced once, and again when it is another',
    async (Keyed) => {
      const engine = await engineFor();
      const callsOfRuns = async (net: nn.Module) => {
        calls = 0;
        const y = await run(engine, net);
        for (let time = 0; time < 3; time++) expect(await run(engine, net)).toEqual(y);
        return calls;
      };
      const keyed = new Keyed();
      for (const mode of ['relu', 'tanh']) {
        keyed.set(mode);
        expect(await callsOfRuns(keyed)).toBe(1);
        expect(await run(engine, keyed)).toEqual(await right(engine, keyed));
      }
      // Properties and children are looked at all the same.
      keyed.eval();
      expect(await run(engine, keyed)).toEqual(await right(engine, keyed));
      // In a network that has none, two traces say that the rest of it is steady.
      const whole = new nn.Sequential(keyed, new nn.ReLU());
      expect(await callsOfRuns(whole)).toBe(2);
      keyed.set('relu');
      expect(await callsOfRuns(whole)).toBe(2);
      expect(await run(engine, whole)).toEqual(await right(engine, whole));
    },
  );
});

test('of many sizes the one that was used longest ago is forgotten', async () => {
  const engine = await engineFor();
  const net = new nn.ReLU();
  const at = (size: number) => traced(engine, net, 1, noise([size]));
  // Believed by the second trace.
  for (let size = 1; size <= 32; size++) for (let time = 0; time < 2; time++) await at(size);
  expect(await at(1)).toEqual([0]);
  await at(33);
  expect(await at(1)).toEqual([0]);
  expect(await at(2)).toEqual([1]);
});

test('no layer of ours is traced at every call', async () => {
  const engine = await engineFor();
  const four = [1, 4, 6, 6];
  const layers: [nn.Module, readonly number[]][] = [
    [new nn.Conv2d(4, 2, 3), four],
    [new nn.ConvTranspose2d(4, 2, 3), four],
    [new nn.InstanceNorm1d(4), [1, 4, 6]],
    [new nn.InstanceNorm2d(4, { affine: true }), four],
    [new nn.BatchNorm1d(4).eval(), [2, 4]],
    [new nn.BatchNorm2d(4).eval(), four],
    [new nn.GroupNorm(2, 4), four],
    [new nn.LayerNorm([6, 6]), four],
    [new nn.ReflectionPad2d(1), four],
    [new nn.ReplicationPad2d(1), four],
    [new nn.ZeroPad2d(1), four],
    [new nn.ConstantPad2d(1, 3), four],
    ...ACTIVATIONS.map(({ Layer }): [nn.Module, readonly number[]] => [new Layer(), four]),
    [new nn.LeakyReLU(), four],
    [new nn.PReLU({ numParameters: 4 }), four],
    [new nn.Hardtanh(), four],
    [new nn.Sigmoid(), four],
    [new nn.Tanh(), four],
    [new nn.Identity(), four],
    [new nn.Sequential(new nn.ReLU()), four],
  ];
  for (const [layer, shape] of layers) {
    layer.loadStateDict(weightsFor(layer, 1));
    expect(await traced(engine, layer, 3, noise(shape)), layer.constructor.name).toEqual([1, 1, 0]);
  }
  const tested = new Set<unknown>(layers.map(([layer]) => layer.constructor));
  const untested = Object.entries(nn).filter(
    ([, made]) => typeof made === 'function' && made.prototype instanceof nn.Module && !tested.has(made),
  );
  // It cannot be run.
  expect(untested.map(([name]) => name)).toEqual(['ModuleList']);
});
