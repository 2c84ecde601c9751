/**
 * Normalisations between convolutions: statistics from the first one's tiles, application in the second one's load. Against the naive versions,
 * and fused against not; each case asserts what was fused.
 */
import { type Engine, Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILDS, engineOf } from '../builds.js';
import { CHAIN, NORMALIZATION } from '../tolerances.js';
import { arrayOf, at, fill, map, type NdArray, random, randomTensor, type Shape4, size } from './array.js';
import { deviations, mismatch } from './case.js';
import { convTranspose2d } from './conv_transpose2d.js';
import { conv2d } from './conv2d.js';
import { normalize } from './normalize.js';
import { pad } from './pad.js';

/** A convolution for the engine and in float64. */
interface Layer {
  readonly target: (x: Value) => Value;
  readonly naive: (x: NdArray) => NdArray;
  /** Of the sum of its terms' sizes: what errors are measured in. */
  readonly scale: (x: NdArray) => NdArray;
}
type MakeLayer = (next: () => number, channels: number) => Layer;
const absolute = (x: NdArray): NdArray => map(x, Math.abs);

function convolution(
  outputs: number,
  kernel: number,
  { stride = 1, padding = 0, mode = 'constant' as 'constant' | 'reflect' | 'replicate' } = {},
): MakeLayer {
  return (next, channels) => {
    const w = randomTensor(next, [outputs, channels, kernel, kernel]);
    const b = randomTensor(next, [outputs]);
    const [weight, bias] = [new Parameter(w), new Parameter(b)];
    const naive = (x: NdArray, ws: NdArray, bs: NdArray): NdArray =>
      conv2d(pad(x, [padding, padding, padding, padding], mode, 0), ws, bs, { stride: [stride, stride] });
    return {
      target: (x) =>
        F.conv2d(F.pad(x, [padding, padding, padding, padding], { mode }), weight, { bias, stride }),
      naive: (x) => naive(x, arrayOf(w), arrayOf(b)),
      scale: (x) => naive(absolute(x), absolute(arrayOf(w)), absolute(arrayOf(b))),
    };
  };
}

function transposed(outputs: number): MakeLayer {
  return (next, channels) => {
    const w = randomTensor(next, [channels, outputs, 3, 3]);
    const b = randomTensor(next, [outputs]);
    const [weight, bias] = [new Parameter(w), new Parameter(b)];
    const options = { stride: 2, padding: 1, outputPadding: 1 } as const;
    const settings = { stride: [2, 2], padding: [1, 1], outputPadding: [1, 1] } as const;
    return {
      target: (x) => F.convTranspose2d(x, weight, { bias, ...options }),
      naive: (x) => convTranspose2d(x, arrayOf(w), arrayOf(b), settings),
      scale: (x) => convTranspose2d(absolute(x), absolute(arrayOf(w)), absolute(arrayOf(b)), settings),
    };
  };
}

/** A normalisation for the engine and in float64. */
interface Norm {
  readonly target: (x: Value) => Value;
  readonly naive: (x: NdArray) => NdArray;
}
const NORMS: Readonly<Record<string, (next: () => number, channels: number) => Norm>> = {
  instance: (next, c) => {
    const [w, b] = [randomTensor(next, [c]), randomTensor(next, [c])];
    const affine = { weight: arrayOf(w), bias: arrayOf(b) };
    const options = { weight: new Parameter(w), bias: new Parameter(b) };
    return {
      target: (x) => F.instanceNorm(x, options),
      naive: (x) => normalize(x, ([n, channel]) => `${n} ${channel}`, affine),
    };
  },
  batch: () => ({
    target: (x) => F.batchNorm(x, null, null, { training: true }),
    naive: (x) => normalize(x, ([, channel]) => `${channel}`, null),
  }),
  layer: () => ({
    target: (x) => F.groupNorm(x, 1),
    naive: (x) => normalize(x, ([n]) => `${n}`, null),
  }),
  running: (next, c) => {
    const [mean, variance, w] = [
      randomTensor(next, [c]),
      randomTensor(next, [c], 0.1, 2),
      randomTensor(next, [c]),
    ];
    const [runningMean, runningVar, weight] = [mean, variance, w].map((x) => new Parameter(x));
    if (runningMean === undefined || runningVar === undefined) throw new Error('made above');
    return {
      target: (x) => F.batchNorm(x, runningMean, runningVar, { weight: weight ?? null }),
      naive: (x) =>
        fill(x.shape, (i) => {
          const channel = [i[1] ?? 0];
          const deviation = Math.sqrt(at(arrayOf(variance), channel) + 1e-5);
          return ((at(x, i) - at(arrayOf(mean), channel)) / deviation) * at(arrayOf(w), channel);
        }),
    };
  },
};

interface Chain {
  readonly name: string;
  readonly shape: Shape4;
  readonly middle: number;
  readonly first: MakeLayer;
  readonly second: MakeLayer;
}

/** Odd sizes, batches, lanes past C, few outputs, every border, every kind of convolution on either side. */
const CHAINS: readonly Chain[] = [
  {
    name: 'zero padding',
    shape: [2, 3, 9, 11],
    middle: 7,
    first: convolution(7, 3),
    second: convolution(9, 3, { padding: 1 }),
  },
  {
    name: 'fewer channels than lanes',
    shape: [2, 5, 8, 7],
    middle: 3,
    first: convolution(3, 3),
    second: convolution(6, 3, { padding: 2 }),
  },
  {
    name: 'few outputs, large kernel, reflection',
    shape: [1, 4, 13, 17],
    middle: 10,
    first: convolution(10, 3, { padding: 1, mode: 'replicate' }),
    second: convolution(3, 7, { padding: 3, mode: 'reflect' }),
  },
  {
    name: 'strides',
    shape: [3, 6, 15, 13],
    middle: 20,
    first: convolution(20, 5, { stride: 2 }),
    second: convolution(8, 3, { stride: 2, padding: 1 }),
  },
  {
    name: 'transposed',
    shape: [2, 5, 7, 6],
    middle: 9,
    first: transposed(9),
    second: transposed(5),
  },
  {
    name: 'Winograd, zero padding',
    shape: [2, 30, 13, 18],
    middle: 29,
    first: convolution(29, 3, { padding: 1 }),
    second: convolution(34, 3, { padding: 1 }),
  },
  {
    name: 'Winograd, reflection',
    shape: [1, 32, 17, 14],
    middle: 32,
    first: convolution(32, 3, { padding: 1, mode: 'reflect' }),
    second: convolution(32, 3, { padding: 1, mode: 'reflect' }),
  },
];

/** Of the large chains, whose naive versions take seconds, only some. */
const CASES = CHAINS.flatMap((chain) =>
  Object.keys(NORMS).flatMap((norm) => [true, false].map((relu) => ({ ...chain, norm, relu }))),
).filter(({ middle, norm, relu }) => middle < 24 || norm === (relu ? 'instance' : 'running'));

/** A chain between an input and what is wanted. */
interface Prepared {
  readonly target: (x: Value) => Value;
  readonly x: Tensor;
  readonly wanted: NdArray;
  readonly scale: NdArray;
}

/** The naive versions run once for all builds. */
const known = new Map<(typeof CASES)[number], Prepared>();
function prepare(one: (typeof CASES)[number]): Prepared {
  const before = known.get(one);
  if (before !== undefined) return before;
  const { shape, middle, relu } = one;
  const next = random(size(shape) + middle);
  const x = randomTensor(next, shape);
  const first = one.first(next, shape[1]);
  const norm = NORMS[one.norm]?.(next, middle);
  if (norm === undefined) throw new Error(`no ${one.norm}`);
  const second = one.second(next, middle);
  const rectified = (y: NdArray): NdArray => map(y, (value) => Math.max(value, 0));
  // Stored statistics right behind a convolution become its weights; behind its ReLU they are applied as the next one loads.
  const apart = one.norm === 'running';
  const target = (v: Value): Value => {
    const made = first.target(v);
    const y = norm.target(apart ? F.relu(made) : made);
    return second.target(relu ? F.relu(y) : y);
  };
  const made = first.naive(arrayOf(x));
  const y = norm.naive(apart ? rectified(made) : made);
  const normalized = relu ? rectified(y) : y;
  const prepared = { target, x, wanted: second.naive(normalized), scale: second.scale(normalized) };
  known.set(one, prepared);
  return prepared;
}

describe.each(BUILDS)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(() => engine?.dispose());

  test.each(CASES)('$name, $norm, relu $relu', async (one) => {
    const { target, x, wanted, scale } = prepare(one);
    const { norm, shape } = one;
    const expected = { wanted, scale, tolerance: CHAIN };
    for (const fuse of [true, false]) {
      const session = await engine.compile(target, [...shape], { fuse });
      expect(mismatch(await session.run(x), expected)).toBeNull();
      const ops = session.profile().rows.map(({ op }) => op);
      expect(ops.includes('pointwise')).toBe(!fuse);
      expect(ops.includes('partial_moments')).toBe(!fuse && norm !== 'running');
      expect(ops.includes('statistics')).toBe(norm !== 'running');
      const source = norm === 'running' ? 'stored statistics; applied as conv' : 'statistics as conv';
      expect(session.explain().includes(source)).toBe(fuse);
      await session.dispose();
    }
  });

  test.each([
    [1000, 0.5],
    [1e4, 1],
    [-1e4, 1],
    [0, 1e20],
    [0, 3.4e38],
  ])('%d +- %d keeps its digits from tile to load', async (mean, spread) => {
    const [c, shape] = [6, [2, 6, 67, 65]];
    const x = randomTensor(random(mean + 7), shape, mean - spread, mean + spread);
    // Exact convolutions: one weight of 1 an output.
    const identity = Tensor.from(
      Float32Array.from({ length: c * c }, (_, i) => (i % (c + 1) === 0 ? 1 : 0)),
      [c, c, 1, 1],
    );
    const weight = new Parameter(identity);
    const wanted = normalize(arrayOf(x), ([n, channel]) => `${n} ${channel}`, null);
    for (const conv of [F.conv2d, F.convTranspose2d]) {
      const session = await engine.compile(
        (v: Value) => conv(F.instanceNorm(conv(v, weight)), weight),
        shape,
      );
      const got = await session.run(x);
      expect(session.profile().rows.map(({ op }) => op)).not.toContain('pointwise');
      expect(mismatch(got, { wanted, scale: deviations(wanted), tolerance: NORMALIZATION })).toBeNull();
      await session.dispose();
    }
  });

  test('random networks are the same fused and not', async () => {
    const convolutions = [
      convolution(7, 3, { padding: 1 }),
      convolution(16, 3, { padding: 1, mode: 'reflect' }),
      convolution(4, 5, { padding: 2, mode: 'replicate' }),
      convolution(2, 1),
    ];
    for (let seed = 0; seed < 40; seed++) {
      const next = random(seed);
      const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
      const shape = [1 + (seed % 3), 5, 6 + Math.floor(next() * 9), 6 + Math.floor(next() * 9)];
      const steps: ((seen: Value[]) => Value)[] = [];
      let channels = 5;
      for (let i = 0; i < 8; i++) {
        const norm = pick(Object.values(NORMS))(next, channels);
        const kind = pick(['conv', 'conv', 'norm', 'norm', 'relu', 'sum', 'tanh'] as const);
        if (kind === 'conv') {
          const outputs = pick([0, 1, 2, 3]);
          const layer = convolutions[outputs]?.(next, channels);
          channels = [7, 16, 4, 2][outputs] ?? 0;
          steps.push((seen) => layer?.target(seen.at(-1) as Value) as Value);
        } else if (kind === 'norm') steps.push((seen) => norm.target(seen.at(-1) as Value));
        else if (kind === 'relu') steps.push((seen) => F.relu(seen.at(-1) as Value));
        else if (kind === 'tanh') steps.push((seen) => F.tanh(seen.at(-1) as Value));
        else
          steps.push((seen) => {
            const last = seen.at(-1) as Value;
            const others = seen.filter((other) => other !== last && other.shape[1] === last.shape[1]);
            return last.add(others.at(-1) ?? 1);
          });
      }
      const target = (x: Value): Value[] => {
        const seen = [x];
        for (const step of steps) seen.push(step(seen));
        return [seen[5] as Value, seen[8] as Value];
      };
      const x = randomTensor(next, shape);
      const [fused, plain] = await Promise.all(
        [true, false].map((fuse) => engine.run(target, [x], { fuse })),
      );
      fused?.forEach((got, i) => {
        const wanted = arrayOf(plain?.[i] as Tensor);
        // Errors are measured in the largest value of the channel's picture, which the last step may have summed.
        const largest = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        const scale = map(wanted, () => largest);
        expect(
          mismatch(got, { wanted, scale, tolerance: 5 * CHAIN }),
          `seed ${seed}, output ${i}`,
        ).toBeNull();
      });
    }
  });
});
