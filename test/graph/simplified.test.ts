/** What simplify makes of modules: the same numbers as the traced graph, and which rewrites apply. */
import { Engine, Tensor } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { simplify } from '../../dist/graph/simplify.js';
import * as nn from '../../dist/nn/index.js';
import { traceModule } from '../../dist/nn/trace.js';
import { arrayOf, map, type NdArray, random, randomTensor, type Shape } from '../ops/array.js';
import { mismatch } from '../ops/case.js';
import { CHAIN } from '../tolerances.js';
import { interpret, numbersOf } from './naive.js';

type Next = () => number;
const below = (next: Next, end: number): number => Math.floor(next() * end);

/** Numbers for every parameter; variances above zero. */
function setAll(module: nn.Module, next: Next): void {
  for (const [key, parameter] of module.stateDict()) {
    if (key.endsWith('num_batches_tracked')) continue;
    const isVariance = key.endsWith('running_var');
    parameter.set(randomTensor(next, parameter.shape, isVariance ? 0.5 : -1, isVariance ? 2 : 1));
  }
}

function normOf(next: Next, c: number): nn.Module {
  const affine = next() < 0.5;
  const kind = below(next, 5);
  if (kind === 0) return new nn.InstanceNorm2d(c, { affine });
  if (kind === 1) return new nn.GroupNorm(c, c, { affine });
  if (kind === 2) return new nn.GroupNorm(2, c, { affine });
  if (kind === 3) return new nn.BatchNorm2d(c, { affine, trackRunningStats: false });
  return new nn.BatchNorm2d(c, { affine, eps: next() < 0.3 ? 0 : 1e-3 }).eval();
}

class Zeros extends nn.Module {
  static override readonly kind = 'Zeros';
  override forward(x: nn.Value): nn.Value {
    return nn.functional.pad(x, [1, 0, 2, 1]);
  }
}

/** Pads, a convolution of either kind, and a normalisation; sometimes an activation between. */
function block(next: Next, from: number, to: number): nn.Module[] {
  const bias = next() < 0.6;
  const paddings = [[], [new nn.ReflectionPad2d(1)], [new Zeros()], [new nn.ReplicationPad2d([0, 1, 1, 0])]];
  const padding = below(next, 2);
  const paddingMode = (['zeros', 'reflect', 'replicate'] as const)[below(next, 3)] ?? 'zeros';
  const convolution =
    next() < 0.7
      ? new nn.Conv2d(from, to, 3, { bias, padding, paddingMode, stride: 1 + below(next, 2) })
      : new nn.ConvTranspose2d(from, to, 3, { bias, padding, stride: 1 + below(next, 2) });
  const between = next() < 0.2 ? [new nn.Tanh()] : [];
  const after = next() < 0.5 ? [new nn.ReLU()] : [];
  return [...(paddings[below(next, 4)] ?? []), convolution, ...between, normOf(next, to), ...after];
}

/** Two blocks; the first one's convolution may have a second reader, or be used twice. */
class Random extends nn.Module {
  static override readonly kind = 'Random';
  readonly first: nn.Sequential;
  readonly second: nn.Sequential;
  readonly extra: 'nothing' | 'an output' | 'a reader' | 'twice';

  constructor(next: Next) {
    super();
    this.first = new nn.Sequential(...block(next, 4, 4));
    this.second = new nn.Sequential(...block(next, 4, 6));
    this.extra =
      (['nothing', 'nothing', 'an output', 'a reader', 'twice'] as const)[below(next, 5)] ?? 'nothing';
    setAll(this, next);
  }

  override forward(x: nn.Value): nn.Value[] {
    const layers = this.first.children() as nn.Sequential[];
    let [y, convolved] = [x, x];
    for (const layer of layers) {
      y = layer.forward(y);
      if (layer instanceof nn.Conv2d || layer instanceof nn.ConvTranspose2d) convolved = y;
    }
    const z = this.second.forward(this.extra === 'twice' ? this.first.forward(y) : y);
    if (this.extra === 'an output') return [z, convolved];
    return this.extra === 'a reader' ? [z, convolved.mean([2, 3])] : [z];
  }
}

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ threads: 1, worker: false });
});
afterAll(() => engine?.dispose());

test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
  'a random module is itself, fused and not, seed %i',
  async (seed) => {
    const next = random(seed);
    const module = new Random(next);
    const shape = [2, 4, 26 + below(next, 4), 25 + below(next, 4)];
    const x = randomTensor(next, shape);
    const wanted = interpret(traceModule(module, [{ shape }]).graph, [arrayOf(x)], numbersOf);
    for (const options of [{}, { precision: 'highest' as const }, { fuse: false }]) {
      const got = await engine.run(module, x, options);
      for (const [index, y] of got.entries()) {
        const one = wanted[index] as NdArray;
        const scale = map(one, (value) => Math.max(1, Math.abs(value)));
        expect(mismatch(y, { wanted: one, tolerance: CHAIN, scale }), JSON.stringify(options)).toBeNull();
      }
    }
  },
);

describe('a batch norm of stored statistics', () => {
  const shape = [1, 4, 7, 6];
  const weight = new nn.Parameter(randomTensor(random(1), [5, 4, 3, 3]));
  const [mean, variance] = [
    new nn.Parameter(randomTensor(random(2), [5])),
    new nn.Parameter(randomTensor(random(3), [5], 0.5, 2)),
  ];
  const opsOf = (target: (x: nn.Value) => nn.Value | nn.Value[], of: Shape = shape): string[] =>
    simplify(traceModule(target, [{ shape: of }]).graph).nodes.map(({ op }) => op);
  const conv = (x: nn.Value): nn.Value => nn.functional.conv2d(x, weight);
  const norm = (x: nn.Value): nn.Value => nn.functional.batchNorm(x, mean, variance);

  test('is folded into the convolution before it', () => {
    expect(opsOf((x) => norm(conv(x)))).not.toContain('batch_norm');
    expect(opsOf((x) => norm(norm(conv(x))))).not.toContain('batch_norm');
    expect(opsOf((x) => norm(nn.functional.convTranspose2d(x, weight.view(4, 5, 3, 3))))).not.toContain(
      'batch_norm',
    );
    expect(
      opsOf((x) => norm(nn.functional.conv2d(x, weight.mul(2), { bias: mean.mul(mean) }))),
    ).not.toContain('batch_norm');
  });

  test('stays where somebody else reads the convolution, or its weight or statistics are computed in the run', () => {
    const stays = (target: (x: nn.Value) => nn.Value | nn.Value[]): void =>
      expect(opsOf(target)).toContain('batch_norm');
    stays((x) => {
      const y = conv(x);
      return norm(y).add(y);
    });
    stays((x) => {
      const y = conv(x);
      return [norm(y), y];
    });
    stays((x) => norm(nn.functional.conv2d(x, weight.mul(x.mean()))));
    stays((x) => nn.functional.batchNorm(conv(x), mean.mul(x.mean()) as unknown as nn.Parameter, variance));
  });

  test('of variances that are 0, NaN or infinite is the same, fused or not', async () => {
    const odd = new nn.Parameter(Tensor.from([0, Number.NaN, Number.POSITIVE_INFINITY, 1, -1], [5]));
    const x = randomTensor(random(4), shape);
    for (const eps of [0, 1e-5]) {
      const target = (v: nn.Value): nn.Value => nn.functional.batchNorm(conv(v), mean, odd, { eps });
      const [fused, plain] = [await engine.run(target, x), await engine.run(target, x, { fuse: false })];
      const scale = map(arrayOf(plain), (value) => Math.max(1, Math.abs(value)));
      expect(mismatch(fused, { wanted: arrayOf(plain), tolerance: CHAIN, scale }), `eps ${eps}`).toBeNull();
    }
  });

  test('of weights in half precision folds their values', async () => {
    const half = new nn.Parameter({
      bytes: new Uint8Array([0, 0x3c, 0, 0xc0]),
      dtype: 'F16',
      shape: [2, 1, 1, 1],
      strides: [1, 1, 1, 1],
    });
    const two = (values: number[]): nn.Parameter => new nn.Parameter(Tensor.from(values, [2]));
    const [m, v] = [two([0.5, -1]), two([3, 0.25])];
    const target = (x: nn.Value): nn.Value =>
      nn.functional.batchNorm(nn.functional.conv2d(x, half), m, v, { eps: 1 });
    const y = await engine.run(target, Tensor.from([3], [1, 1, 1, 1]));
    const wanted = [(3 - 0.5) / 2, (-6 + 1) / Math.sqrt(1.25)];
    for (const [at, value] of y.data.entries()) expect(value).toBeCloseTo(wanted[at] ?? 0, 5);
  });
});

describe('a bias', () => {
  const shape = [1, 4, 7, 6];
  const weight = new nn.Parameter(randomTensor(random(1), [4, 4, 3, 3]));
  const bias = new nn.Parameter(randomTensor(random(2), [4]));
  const keepsBias = (norm: (x: nn.Value) => nn.Value): boolean => {
    const target = (x: nn.Value): nn.Value => norm(nn.functional.conv2d(x, weight, { bias }));
    const node = simplify(traceModule(target, [{ shape }]).graph).nodes.find(({ op }) => op === 'conv');
    return node?.inputs[2] != null;
  };
  test('in front of statistics of each channel goes, in front of those of several stays', () => {
    expect(keepsBias((x) => nn.functional.instanceNorm(x))).toBe(false);
    expect(keepsBias((x) => nn.functional.groupNorm(x, 4))).toBe(false);
    expect(keepsBias((x) => nn.functional.groupNorm(x, 2))).toBe(true);
    expect(keepsBias((x) => nn.functional.layerNorm(x, [4, 5, 4]))).toBe(true);
    expect(keepsBias((x) => nn.functional.instanceNorm(x.tanh()))).toBe(true);
    expect(keepsBias((x) => nn.functional.instanceNorm(x.view(1, 2, 10, 4)))).toBe(true);
    expect(keepsBias((x) => nn.functional.instanceNorm(x).add(x))).toBe(true);
  });
});
