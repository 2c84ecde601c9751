/** fuse: chains of pointwise operations become one program, which computes the same bits. */
import { Engine, type Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fuse } from '../../dist/graph/fuse.js';
import * as nn from '../../dist/nn/index.js';
import { BUILDS, engineOf } from '../builds.js';
import { random, randomTensor, type Shape } from '../ops/array.js';
import { ALONE } from '../ops/steps.js';
import { isSound, lowered } from './build.js';

const PICTURE = [1, 4, 9, 9] as const;

function programs(target: (x: nn.Value) => nn.Value | nn.Value[], shape: Shape = PICTURE) {
  const graph = fuse(lowered(target, shape));
  expect(isSound(graph)).toBe(true);
  return graph.nodes.flatMap((node) => (node.op === 'pointwise' ? [node] : []));
}

describe('one program', () => {
  test.each<[string, (x: nn.Value) => nn.Value, number, string[]]>([
    ['x * f(x), x named again', (x) => x.mul(x.sigmoid()), 1, ['sigmoid', 'mul']],
    [
      'what is made comes second: the other way round',
      (x) => x.sub(x.tanh()).div(2),
      1,
      ['tanh', 'rsub', 'div'],
    ],
    [
      'squeeze and excitation, with a residual and ReLU',
      (x) =>
        x
          .mul(x.mean([2, 3], { keepdim: true }))
          .add(x)
          .relu(),
      2,
      ['mul', 'add', 'relu'],
    ],
    ['halves of a value', (x) => x.slice(1, 0, 2).mul(x.slice(1, 2)).mul(0.5), 2, ['mul', 'mul']],
  ])('%s', (_, target, inputs, steps) => {
    const [node, ...others] = programs(target);
    expect(others).toEqual([]);
    expect(node?.inputs).toHaveLength(inputs);
    expect(node?.attributes.program.map(({ step }) => step)).toEqual(steps);
  });

  test('at most eight steps, and four operands', () => {
    const long = programs((x) => Array.from({ length: 11 }).reduce<nn.Value>((y) => y.add(1), x));
    expect(long.map(({ attributes }) => attributes.program.length)).toEqual([8, 3]);
    const wide = programs((x) => {
      const many = [1, 2, 3, 4, 5].map((axis) => x.slice(3, axis, axis + 1));
      return many.reduce<nn.Value>((y, one) => y.mul(one), x);
    });
    expect(wide.map(({ inputs }) => inputs.length)).toEqual([4, 3]);
  });
});

describe('not', () => {
  test.each<[string, (x: nn.Value) => nn.Value | nn.Value[], number]>([
    [
      'what two read',
      (x) => {
        const y = x.tanh();
        return y.mul(y);
      },
      2,
    ],
    [
      'what leaves the graph',
      (x) => {
        const y = x.tanh();
        return [y, y.sqrt()];
      },
      2,
    ],
    ['what is repeated afterwards', (x) => x.add(x.mean([2, 3], { keepdim: true }).tanh()), 2],
  ])('%s', (_, target, nodes) => {
    expect(programs(target)).toHaveLength(nodes);
  });

  test('what parameters alone determine', () => {
    const p = new nn.Parameter(randomTensor(random(1), PICTURE));
    expect(programs((x) => x.add(p.mul(2)))).toHaveLength(2);
  });
});

/** A random chain over x and three others, which may be repeated along axes. */
function chain(seed: number): (...inputs: Value[]) => Value {
  return (x, ...others) => {
    const next = random(seed);
    const below = (n: number): number => Math.floor(next() * n);
    let y = x;
    for (let length = 2 + below(12); length > 0; length--) {
      const number = next() * 4 - 2;
      const other = [x, ...others][below(4)] ?? x;
      const step = below(16);
      if (step <= 2) y = ALONE[below(ALONE.length)]?.call(y) ?? y;
      else if (step === 3) y = F.rsub(y, number);
      else if (step === 4) y = F.rdiv(y, number);
      else if (step === 5) y = y.mul(number).add(other);
      else if (step === 6) y = F.leakyRelu(y, { negativeSlope: number });
      else if (step === 7) y = y.clamp(-1, number + 1);
      else if (step === 8) y = other.where(y, 0.5).exp();
      else if (step === 9) y = y.where(other.relu(), x);
      else if (step === 10) y = y.maximum(other).log();
      else if (step === 11) y = other.minimum(y).sigmoid();
      else {
        const kind = (['add', 'sub', 'mul', 'div'] as const)[below(4)] ?? 'add';
        y = step < 14 ? y[kind](other) : other[kind](y);
      }
    }
    // Each is read.
    return others.reduce((sum, one) => sum.add(one), y);
  };
}

const sameBits = (a: Tensor, b: Tensor): boolean =>
  Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer));

describe('the same bits', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.create({ threads: 1 });
  });
  afterAll(() => engine?.dispose());

  const SHAPES: readonly Shape[] = [[7], [5, 9], [3, 4, 5], [2, 5, 3, 7], [1, 64, 20, 20], [2, 3, 2, 3, 5]];
  test.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %i', async (seed) => {
    const next = random(seed + 1000);
    const shape = SHAPES[seed % SHAPES.length] ?? [];
    const inputs: Tensor[] = [randomTensor(next, shape, -2, 2)];
    while (inputs.length < 4)
      inputs.push(
        randomTensor(
          next,
          shape.map((size) => (next() < 0.4 ? 1 : size)),
          -2,
          2,
        ),
      );
    const target = chain(seed);
    const [fused, unfused] = [
      await engine.run(target, inputs),
      await engine.run(target, inputs, { fuse: false }),
    ];
    expect(sameBits(fused, unfused)).toBe(true);
  });
});

/** What makes results that pass a program: every kernel of convolutions, and matrix products. */
const MAKERS: readonly {
  readonly name: string;
  readonly shape: Shape;
  readonly weight: Shape;
  readonly make: (x: Value, weight: Parameter) => Value;
}[] = [
  {
    name: 'conv2d',
    shape: [2, 5, 7, 9],
    weight: [9, 5, 3, 3],
    make: (x, w) => F.conv2d(x, w, { stride: [1, 2] }),
  },
  {
    name: 'conv2d',
    shape: [1, 8, 6, 21],
    weight: [3, 8, 3, 3],
    make: (x, w) => F.conv2d(x, w, { dilation: 2 }),
  },
  {
    name: 'conv_depthwise',
    shape: [2, 6, 9, 8],
    weight: [6, 1, 3, 3],
    make: (x, w) => F.conv2d(x, w, { groups: 6, padding: 1 }),
  },
  {
    name: 'conv_winograd',
    shape: [1, 32, 19, 22],
    weight: [32, 32, 3, 3],
    make: (x, w) => F.conv2d(x, w, { padding: 1 }),
  },
  {
    name: 'conv_transpose2d',
    shape: [2, 4, 5, 6],
    weight: [4, 10, 3, 3],
    make: (x, w) => F.convTranspose2d(x, w, { stride: 2 }),
  },
  { name: 'matmul', shape: [2, 7, 11], weight: [11, 13], make: (x, w) => x.matmul(w) },
];

describe.each(BUILDS)('what kernels make passes programs to the same bits: %s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(() => engine?.dispose());

  const seeds = Array.from({ length: 8 }, (_, seed) => seed);
  test.each(MAKERS.flatMap((maker) => seeds.map((seed) => ({ ...maker, seed }))))(
    '$name $shape, seed $seed',
    async ({ name, shape, weight, make, seed }) => {
      const next = random(seed + 2000);
      const w = new Parameter(randomTensor(next, weight));
      const scaled = await engine.compile((x: Value) => make(x, w).mul(0.75), shape);
      const { shape: y } = await scaled.run(randomTensor(next, shape));
      expect(scaled.profile().rows.map(({ op }) => op)).not.toContain('pointwise');
      await scaled.dispose();
      const rest = y.length - 2;
      const others = [
        y,
        y.map((size, axis) => (axis < rest ? size : 1)),
        y.map((size, axis) => (axis < rest ? 1 : size)),
      ].map((sizes) => randomTensor(next, sizes, -2, 2));
      const inputs = [randomTensor(next, shape, -2, 2), ...others];
      const target = (x: Value, ...operands: Value[]): Value => chain(seed)(make(x, w), ...operands);
      const session = await engine.compile(
        target,
        inputs.map((input) => input.shape),
      );
      const unfused = await engine.run(target, inputs, { fuse: false });
      expect(sameBits(await session.run(inputs), unfused)).toBe(true);
      const ops = session.profile().rows.map(({ op }) => op);
      expect(ops).toContain(name);
      await session.dispose();
    },
  );

  test.each<[string, (x: Value) => Value, boolean]>([
    ['ReLU', (x) => F.relu(x), true],
    ['a slope above 1', (x) => F.leakyRelu(x, { negativeSlope: 1.5 }), true],
    ['a clamp', (x) => x.clamp(-0.25, 0.5), true],
    ['a clamp that moves zeros, which stays a pass', (x) => x.clamp(0.25, 0.5), false],
  ])('and loads maps: %s', async (_, step, keepsZero) => {
    const next = random(7);
    const [c, shape] = [9, [2, 9, 11, 13]];
    const statistics = [randomTensor(next, [c]), randomTensor(next, [c], 0.5, 2)] as const;
    const [mean, variance] = [new Parameter(statistics[0]), new Parameter(statistics[1])];
    const w = new Parameter(randomTensor(next, [10, c, 3, 3]));
    const depthwise = new Parameter(randomTensor(next, [c, 1, 3, 3]));
    const inputs = [randomTensor(next, shape), randomTensor(next, [2, c, 1, 1])];
    const makers: ((x: Value) => Value)[] = [
      (x) => F.conv2d(x, w, { padding: 2 }),
      (x) => F.conv2d(x, depthwise, { groups: c, padding: 1 }),
    ];
    for (const make of makers) {
      const target = (x: Value, scale: Value): Value[] => [
        make(step(F.batchNorm(x, mean, variance))),
        make(step(x.mul(scale))),
      ];
      const session = await engine.compile(
        target,
        inputs.map(({ shape: sizes }) => sizes),
      );
      const [fused, unfused] = [await session.run(inputs), await engine.run(target, inputs, { fuse: false })];
      fused.forEach((y, i) => {
        expect(sameBits(y, unfused[i] as Tensor)).toBe(true);
      });
      const passes = session.profile().rows.filter(({ op }) => op === 'pointwise');
      expect(passes).toHaveLength(keepsZero ? 0 : 2);
      await session.dispose();
    }
  });
});
