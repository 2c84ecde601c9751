/** Programs that convolutions and matrix products do to their results, and maps that convolutions load: to the bits of passes of their own. */
import type { Engine, Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILDS, engineOf } from '../builds.js';
import { random, randomTensor, type Shape } from '../ops/array.js';

const sameBits = (a: Tensor, b: Tensor): boolean =>
  Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer));

/** What makes results that pass a program, and shapes of operands that these take. */
interface Maker {
  readonly name: string;
  readonly shape: Shape;
  readonly weight: Shape;
  readonly make: (x: Value, weight: Parameter) => Value;
  readonly operands?: readonly Shape[];
}

const MAKERS: readonly Maker[] = [
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
    name: 'conv2d',
    shape: [2, 6, 5, 8],
    weight: [1, 6, 3, 3],
    make: (x, w) => F.conv2d(x, w, { dilation: 2 }),
  },
  { name: 'conv2d', shape: [2, 6, 3, 4], weight: [7, 6, 3, 4], make: (x, w) => F.conv2d(x, w) },
  { name: 'conv2d', shape: [5, 7, 9], weight: [9, 5, 3, 3], make: (x, w) => F.conv2d(x, w, { stride: 2 }) },
  {
    name: 'conv2d',
    shape: [2, 12, 6, 9],
    weight: [12, 4, 3, 3],
    make: (x, w) => F.conv2d(x, w, { groups: 3, padding: 1 }),
  },
  {
    name: 'conv_depthwise',
    shape: [2, 6, 9, 8],
    weight: [6, 1, 3, 3],
    make: (x, w) => F.conv2d(x, w, { groups: 6, padding: 1 }),
  },
  {
    name: 'conv_winograd',
    shape: [2, 32, 19, 22],
    weight: [34, 32, 3, 3],
    make: (x, w) => F.conv2d(x, w, { padding: 1 }),
  },
  {
    name: 'conv_transpose2d',
    shape: [2, 4, 5, 6],
    weight: [4, 10, 3, 3],
    make: (x, w) => F.convTranspose2d(x, w, { stride: 2 }),
  },
  {
    name: 'matmul',
    shape: [7, 11],
    weight: [11, 70],
    make: (x, w) => x.matmul(w),
    operands: [[7, 70], [70], [7, 1]],
  },
  {
    name: 'matmul',
    shape: [2, 7, 11],
    weight: [2, 11, 70],
    make: (x, w) => x.matmul(w),
    operands: [
      [2, 7, 70],
      [1, 7, 70],
      [2, 1, 1],
    ],
  },
  {
    name: 'matmul',
    shape: [2, 100, 3],
    weight: [3, 3],
    make: (x, w) => x.matmul(w),
    operands: [[2, 100, 3], [1], [1, 1, 1]],
  },
];

/** Of a picture's results: as they are, a number a channel of each sample, a pixel for all channels. */
function ofPicture(y: Shape): Shape[] {
  const rest = y.length - 2;
  return [
    y,
    y.map((size, axis) => (axis < rest ? size : 1)),
    y.map((size, axis) => (axis < rest ? 1 : size)),
  ];
}

/** At most eight steps with each operand once; every other one begins with a step that fits registers. */
function program(seed: number): (y: Value, ...operands: Value[]) => Value {
  return (x, ...operands) => {
    const next = random(seed + 3000);
    const below = (n: number): number => Math.floor(next() * n);
    const number = (): number => next() * 4 - 2;
    let y = x;
    if (seed % 2 === 0) {
      const first = [F.relu(x), F.leakyRelu(x, { negativeSlope: number() }), x.clamp(-0.5, 0.75)];
      y = first[(seed / 2) % 3] ?? y;
    }
    for (const operand of operands.sort(() => next() - 0.5)) {
      const with_ = [y.add(operand), operand.sub(y), y.mul(operand), y.maximum(operand), operand.minimum(y)];
      y = with_[below(5)] ?? y;
      const alone = [
        y,
        y.mul(number()),
        y.sigmoid(),
        F.rsub(y, number()),
        y.tanh(),
        F.leakyRelu(y),
        y.relu(),
      ];
      y = alone[below(7)] ?? y;
    }
    return y;
  };
}

describe.each(BUILDS)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(() => engine?.dispose());

  /** Runs it fused and not: how many passes each has. */
  async function passes(target: (...xs: Value[]) => Value | Value[], inputs: readonly Tensor[]) {
    const counts: number[] = [];
    const results: Tensor[][] = [];
    for (const fuse of [true, false]) {
      const session = await engine.compile(
        target,
        inputs.map(({ shape }) => shape),
        { fuse },
      );
      results.push([await session.run([...inputs])].flat());
      counts.push(session.profile().rows.filter(({ op }) => op === 'pointwise').length);
      await session.dispose();
    }
    const [fused = [], unfused = []] = results;
    expect(fused.length).toBe(unfused.length);
    fused.forEach((y, i) => {
      expect(sameBits(y, unfused[i] as Tensor)).toBe(true);
    });
    return counts;
  }

  const seeds = Array.from({ length: 8 }, (_, seed) => seed);
  test.each(MAKERS.flatMap((maker) => seeds.map((seed) => ({ ...maker, seed }))))(
    'results of $name $shape pass program $seed',
    async ({ name, shape, weight, make, operands, seed }) => {
      const next = random(seed + 2000);
      const w = new Parameter(randomTensor(next, weight));
      const alone = await engine.compile((x: Value) => make(x, w), shape);
      const { shape: y } = await alone.run(randomTensor(next, shape));
      expect(alone.profile().rows.map(({ op }) => op)).toContain(name);
      await alone.dispose();
      const others = (operands ?? ofPicture(y)).map((sizes) => randomTensor(next, sizes, -2, 2));
      const inputs = [randomTensor(next, shape, -2, 2), ...others];
      const target = (x: Value, ...given: Value[]): Value => program(seed)(make(x, w), ...given);
      const [fused, unfused] = await passes(target, inputs);
      expect([fused, (unfused ?? 0) > 0]).toEqual([0, true]);
    },
  );

  test.each(MAKERS)('results of $name $shape pass what reads them twice', async ({ shape, weight, make }) => {
    const next = random(5);
    const w = new Parameter(randomTensor(next, weight));
    const target = (x: Value): Value => {
      const y = make(x, w);
      return y.mul(y.add(3).clamp(0, 6)).div(6);
    };
    const [fused] = await passes(target, [randomTensor(next, shape, -2, 2)]);
    expect(fused).toBe(0);
  });

  test('rows of a few numbers, and what is repeated along rows or columns alone, stay passes', async () => {
    const next = random(6);
    const [w, narrow] = [
      [9, 5, 3, 3],
      [11, 13],
    ].map((shape) => new Parameter(randomTensor(next, shape)));
    const inputs = [[1, 5, 7, 9], [1, 1, 5, 1], [7, 11], [13]].map((shape) => randomTensor(next, shape));
    const target = (x: Value, row: Value, a: Value, column: Value): Value[] => [
      F.conv2d(x, w as Parameter).add(row),
      a.matmul(narrow as Parameter).add(column),
    ];
    expect(await passes(target, inputs)).toEqual([2, 2]);
  });

  test.each<[string, (x: Value) => Value, boolean]>([
    ['ReLU', (x) => F.relu(x), true],
    ['a slope above 1', (x) => F.leakyRelu(x, { negativeSlope: 1.5 }), true],
    ['a clamp', (x) => x.clamp(-0.25, 0.5), true],
    ['a clamp that moves zeros', (x) => x.clamp(0.25, 0.5), false],
    ['a slope beyond float32', (x) => F.leakyRelu(x, { negativeSlope: 1e39 }), false],
  ])('convolutions load maps with %s', async (_, step, loads) => {
    const next = random(7);
    const [c, shape] = [33, [2, 33, 11, 13]];
    const of = (...sizes: number[]): Parameter => new Parameter(randomTensor(next, sizes));
    const [mean, variance] = [of(c), new Parameter(randomTensor(next, [c], 0.5, 2))];
    const [dense, own, up] = [of(32, c, 3, 3), of(c, 1, 3, 3), of(c, 5, 3, 3)];
    const inputs = [shape, [2, c, 1, 1], [c, 1, 1]].map((sizes) => randomTensor(next, sizes));
    const makers: ((x: Value) => Value)[] = [
      (x) => F.conv2d(x, dense, { padding: 2 }),
      (x) => F.conv2d(x, dense, { padding: 2, stride: [2, 1] }),
      (x) => F.conv2d(x, own, { groups: c, padding: 1 }),
      (x) => F.convTranspose2d(x, up, { stride: 2, padding: 1 }),
      (x) => F.convTranspose2d(x, up, { stride: 2 }),
    ];
    for (const make of makers) {
      const target = (x: Value, scale: Value, shared: Value): Value[] => [
        make(step(F.batchNorm(x, mean, variance))),
        make(step(x.mul(scale))),
        make(step(shared.mul(x))),
      ];
      const [fused] = await passes(target, inputs);
      expect(fused).toBe(loads ? 0 : 3);
    }
  });
});
