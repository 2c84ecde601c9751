/** Modules: walking, state dicts, training mode. */
import * as root from 'gouache';
import {
  ArgumentError,
  CycleGANGenerator,
  ShapeError,
  StateDictError,
  StyleTransferNetwork,
  Tensor,
} from 'gouache';
import * as nn from 'gouache/nn';
import { exportOnnx } from 'gouache/onnx';
import { describe, expect, test } from 'vitest';

function zeros(shape: readonly number[]): Tensor {
  return Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
}

/** A fitting state dict of zeros. */
function zeroState(module: nn.Module): Record<string, Tensor> {
  return Object.fromEntries([...module.stateDict()].map(([key, { shape }]) => [key, zeros(shape)]));
}

class Custom extends nn.Module {
  readonly inner = new nn.Sequential(new nn.Conv2d(3, 4, 3), new nn.BatchNorm2d(4));
  readonly scale = new nn.Parameter([4]);
  readonly absent = null;
  readonly count = 3;
  readonly state = new nn.Buffer([4], { key: 'running_state' });
  readonly list = new nn.ModuleList([new nn.InstanceNorm2d(4, { affine: true })]);
  override forward(x: nn.Value): nn.Value {
    return this.inner.forward(x);
  }
}

describe('walking', () => {
  test("keys are PyTorch's: own parameters, own buffers, then children", () => {
    expect([...new Custom().stateDict().keys()]).toEqual([
      'scale',
      'running_state',
      'inner.0.weight',
      'inner.0.bias',
      'inner.1.weight',
      'inner.1.bias',
      'inner.1.running_mean',
      'inner.1.running_var',
      'inner.1.num_batches_tracked',
      'list.0.weight',
      'list.0.bias',
    ]);
  });

  describe('modules and parameters that no walk finds', () => {
    const conv = () => new nn.Conv2d(3, 3, 3);
    class Holder extends nn.Module {
      readonly blocks: unknown;
      constructor(blocks: unknown) {
        super();
        this.blocks = blocks;
      }
      override forward(x: nn.Value): nn.Value {
        return x;
      }
    }

    test.each<[string, () => unknown, string]>([
      ['an array', () => [conv(), conv()], 'Conv2d'],
      ['an array of arrays', () => [[], [new nn.ReLU(), conv()]], 'ReLU'],
      ['a record', () => ({ first: conv() }), 'Conv2d'],
      ['a record without a prototype', () => Object.assign(Object.create(null), { first: conv() }), 'Conv2d'],
      ['a Map', () => new Map([['first', conv()]]), 'Conv2d'],
      ['a Set', () => new Set([conv()]), 'Conv2d'],
      ['an array of parameters', () => [1, new nn.Parameter([2])], 'Parameter'],
    ])('in %s are named by every walk', (_, make, kind) => {
      const net = new nn.Sequential(new Holder(make()));
      for (const walk of [
        () => net.stateDict(),
        () => net.loadStateDict({}, { strict: false }),
        () => net.parameters(),
        () => net.eval(),
        () => exportOnnx(net, [1, 3, 4, 4]),
      ]) {
        expect(walk).toThrow(ArgumentError);
        expect(walk).toThrow(
          `'0.blocks' holds is not part of the network (got a ${kind} in an array or another plain collection; wanted an nn.ModuleList`,
        );
      }
    });

    test('what is found elsewhere may stand in lists too', () => {
      const net = new Holder([]) as Holder & { list: nn.ModuleList };
      net.list = new nn.ModuleList([conv(), conv()]);
      (net.blocks as unknown[]).push(...net.list, net, net.list.at(0)?.parameters()[0]);
      expect([...net.stateDict().keys()]).toEqual([
        'list.0.weight',
        'list.0.bias',
        'list.1.weight',
        'list.1.bias',
      ]);
    });

    test('other values are left alone', () => {
      const circle: unknown[] = [1, 'two', null, undefined, Symbol('three'), () => conv()];
      circle.push(circle, { circle }, new Map([['circle', circle]]), new Float32Array(4), new Date());
      const getter = {
        get module(): never {
          throw new Error('looked');
        },
      };
      const table = Array.from({ length: 2000 }, () => new Array(2000).fill(0));
      expect(new Holder([circle, getter, table]).stateDict().size).toBe(0);
      const lazy = Object.defineProperty(new Holder(1), 'lazy', { get: () => [conv()] });
      expect(lazy.stateDict().size).toBe(0);
    });
  });

  test('buffers are not parameters', () => {
    const names = new Custom().namedParameters().map(([name]) => name);
    expect(names).not.toContain('running_state');
    expect(names).toContain('scale');
  });

  test('a shared module has a key for each place, but is one module', () => {
    const conv = new nn.Conv2d(3, 3, 3);
    const net = new nn.Sequential(conv, conv);
    expect([...net.stateDict().keys()]).toEqual(['0.weight', '0.bias', '1.weight', '1.bias']);
    expect(net.namedModules().map(([path]) => path)).toEqual(['', '0']);
    expect(net.parameters()).toHaveLength(2);
  });

  test('a module that contains itself is refused, a private reference is not walked', () => {
    class Loop extends nn.Module {
      me: nn.Module | null = null;
      override forward(x: nn.Value): nn.Value {
        return x;
      }
    }
    const loop = new Loop();
    loop.me = loop;
    expect(() => loop.stateDict()).toThrow(ArgumentError);
  });

  test('train and eval reach every descendant', () => {
    const net = new Custom();
    const modes = () => new Set(net.namedModules().map(([, module]) => module.training));
    expect(modes()).toEqual(new Set([true]));
    expect(net.eval()).toBe(net);
    expect(modes()).toEqual(new Set([false]));
    net.train();
    expect(modes()).toEqual(new Set([true]));
  });

  test('Sequential takes modules or one record of them', () => {
    const named = new nn.Sequential({ conv: new nn.Conv2d(3, 4, 3, { bias: false }), act: new nn.ReLU() });
    expect([...named.stateDict().keys()]).toEqual(['conv.weight']);
    expect(named.length).toBe(2);
    expect(named.at(-1)).toBeInstanceOf(nn.ReLU);
    expect([...named]).toHaveLength(2);
    expect(() => new nn.Sequential(nn.ReLU as unknown as nn.Module)).toThrow(/new/);
  });

  test('the documented networks have the documented numbers of tensors', () => {
    expect(new StyleTransferNetwork().stateDict().size).toBe(47);
    expect(new CycleGANGenerator({ nBlocks: 6 }).stateDict().size).toBe(5 * 3 + 6 * 6 + 2);
  });
});

describe('loadStateDict', () => {
  test('takes values by key and raises versions', () => {
    const net = new nn.Conv2d(3, 4, 3);
    const before = net.weight.version;
    expect(net.loadStateDict(zeroState(net))).toEqual({ missing: [], unexpected: [] });
    expect(net.weight.version).toBeGreaterThan(before);
    expect(net.weight.stored?.shape).toEqual([4, 3, 3, 3]);
  });

  test('takes a map, and the state dict of another module', () => {
    const [a, b] = [new Custom(), new Custom()];
    a.loadStateDict(zeroState(a));
    b.loadStateDict(a.stateDict());
    expect(b.scale.stored?.bytes).toEqual(a.scale.stored?.bytes);
  });

  test('every problem in one error, and nothing has changed', () => {
    const net = new Custom();
    const state = zeroState(net);
    delete state.scale;
    delete state['inner.0.bias'];
    state['inner.0.weight'] = zeros([4, 3, 1, 1]);
    state['other.weight'] = zeros([2]);
    const versions = () => [...net.stateDict().values()].map(({ version }) => version);
    const before = versions();
    let error: unknown;
    try {
      net.loadStateDict(state);
    } catch (caught) {
      error = caught;
    }
    if (!(error instanceof StateDictError)) throw error;
    expect(error.code).toBe('state-dict');
    expect(error.missing).toEqual(['scale', 'inner.0.bias']);
    expect(error.unexpected).toEqual(['other.weight']);
    expect(error.mismatched).toEqual(['inner.0.weight']);
    for (const key of ['scale', 'inner.0.bias', 'other.weight', 'inner.0.weight'])
      expect(error.message).toContain(key);
    expect(versions()).toEqual(before);
  });

  test('{ strict: false } reports missing and unexpected, but still refuses wrong shapes', () => {
    const conv = new nn.Conv2d(3, 4, 3);
    const result = conv.loadStateDict({ bias: zeros([4]), extra: zeros([1]) }, { strict: false });
    expect(result).toEqual({ missing: ['weight'], unexpected: ['extra'] });
    expect(() => conv.loadStateDict({ bias: zeros([5]) }, { strict: false })).toThrow(StateDictError);
  });

  test('a file from before num_batches_tracked loads, as in PyTorch; one without running_mean does not', () => {
    const norm = new nn.BatchNorm2d(4);
    const old = { weight: zeros([4]), bias: zeros([4]), running_mean: zeros([4]), running_var: zeros([4]) };
    expect(norm.loadStateDict(old)).toEqual({ missing: [], unexpected: [] });
    const { running_mean: _, ...without } = old;
    expect(() => norm.loadStateDict(without)).toThrow('running_mean');
  });
});

describe('Parameter', () => {
  test('set copies, checks the shape and raises the version', () => {
    const p = new nn.Parameter([2]);
    const values = Float32Array.of(1, 2);
    p.set(Tensor.from(values, [2]));
    values[0] = 9;
    expect(new Float32Array(Uint8Array.from(p.stored?.bytes ?? []).buffer)[0]).toBe(1);
    expect(p.version).toBe(1);
    expect(() => p.set(zeros([3]))).toThrow(ShapeError);
    expect(p.version).toBe(1);
  });

  test('new layers: norms are 1 and 0, convolutions have no values', () => {
    const first = (p: nn.Parameter | null) =>
      new Float32Array(Uint8Array.from(p?.stored?.bytes ?? []).buffer)[0];
    const norm = new nn.BatchNorm2d(3);
    expect([norm.weight, norm.bias, norm.runningMean, norm.runningVar].map(first)).toEqual([1, 0, 0, 1]);
    expect(new nn.Conv2d(3, 4, 3).weight.stored).toBeNull();
    expect(new nn.InstanceNorm2d(3).weight).toBeNull();
    expect(new nn.Conv2d(3, 4, 3, { bias: false }).bias).toBeNull();
  });
});

test('classes and functions are called what they are exported as, in consoles and messages', () => {
  for (const [name, value] of Object.entries({ ...root, ...nn, ...nn.functional }))
    if (typeof value === 'function') expect(value.name).toBe(name);
  expect(() => new nn.Sequential(Tensor.from([1], [1]) as unknown as nn.Module)).toThrow("got Tensor at '0'");
});

describe('Tensor', () => {
  test('from and toArray', () => {
    const tensor = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(tensor.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(tensor.dtype).toBe('float32');
    expect(Tensor.from([7], []).toArray()).toBe(7);
  });

  test.each<[unknown, unknown]>([
    [[1, 2], [3]],
    [[1, 2], [-2]],
    [[1, 2], [1.5]],
    [[1, 2], 2],
    [null, [1]],
    [5, [1]],
  ])('from(%o, %o) is refused', (data, shape) => {
    expect(() => Tensor.from(data as number[], shape as number[])).toThrow(/Tensor\.from/);
  });
});
