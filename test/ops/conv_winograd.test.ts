/** Convolutions by Winograd's algorithms against their naive versions; each case asserts that this algorithm ran. */
import type { Engine, Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILDS, engineOf } from '../builds.js';
import { WINOGRAD_LARGEST, WINOGRAD_RMS } from '../tolerances.js';
import { arrayOf, map, type NdArray, random, randomTensor, type Shape4 } from './array.js';
import { convTranspose2d } from './conv_transpose2d.js';
import { conv2d } from './conv2d.js';
import { pad } from './pad.js';

/** left, right, top, bottom; as F.pad takes them. */
type Sides = readonly [number, number, number, number];

interface Case {
  readonly name: string;
  readonly algorithm: string;
  readonly shape: Shape4;
  readonly outputs: number;
  readonly kernel: number;
  readonly sides: Sides;
  readonly mode: 'constant' | 'reflect' | 'replicate';
  readonly stride: 1 | 2;
  /** A transposed convolution of padding 1, and its output padding. */
  readonly transposed: readonly [number, number] | null;
  readonly bias: boolean;
  readonly activation: 'none' | 'relu' | 'tanh';
}

const PLAIN = {
  algorithm: 'F(4x4, 3x3)',
  kernel: 3,
  sides: [1, 1, 1, 1],
  mode: 'constant',
  stride: 1,
  transposed: null,
  bias: true,
  activation: 'none',
} as const satisfies Partial<Case>;

const WIDE = { ...PLAIN, algorithm: 'F(4x5, 3x3)' } as const;
const STRIDE_2 = { ...PLAIN, algorithm: 'F(4x4, 3x3) / 2', stride: 2 } as const;
const TRANSPOSED = { ...PLAIN, algorithm: 'F(8x8, 3x3) * 2', transposed: [1, 1] } as const;
const LARGE = { ...PLAIN, algorithm: 'F(3x3, 3x3)', kernel: 9, sides: [4, 4, 4, 4] } as const;
const TALL = { ...LARGE, algorithm: 'F(5x3, 5x3)' } as const;
const SEVEN = { ...LARGE, kernel: 7, sides: [3, 3, 3, 3], mode: 'reflect' } as const;

/** Sizes around squares of 3, 4, 5 and 8, channels around lanes of 4 and panels of 8, more than one tile of squares. */
const CASES: readonly Case[] = [
  { ...PLAIN, name: 'whole squares', shape: [1, 32, 16, 16], outputs: 32 },
  { ...PLAIN, name: 'odd sides, batch', shape: [3, 29, 13, 11], outputs: 37, bias: false },
  { ...PLAIN, name: 'reflected', shape: [2, 24, 16, 19], outputs: 26, mode: 'reflect', activation: 'relu' },
  { ...WIDE, name: 'wide squares', shape: [2, 48, 16, 35], outputs: 32 },
  { ...WIDE, name: 'wide, odd sides, batch', shape: [3, 29, 13, 18], outputs: 37, bias: false },
  {
    ...WIDE,
    name: 'wide, reflected',
    shape: [2, 40, 15, 20],
    outputs: 26,
    mode: 'reflect',
    activation: 'relu',
  },
  {
    ...WIDE,
    name: 'wide, replicated',
    shape: [1, 33, 31, 28],
    outputs: 31,
    mode: 'replicate',
    activation: 'tanh',
  },
  { ...WIDE, name: 'wide, no padding', shape: [2, 40, 14, 22], outputs: 24, sides: [0, 0, 0, 0] },
  { ...PLAIN, name: 'uneven', shape: [1, 32, 9, 21], outputs: 33, sides: [3, 0, 2, 4], mode: 'reflect' },
  { ...PLAIN, name: 'many squares', shape: [1, 16, 37, 41], outputs: 16 },
  { ...WIDE, name: 'wide, many squares', shape: [1, 32, 38, 45], outputs: 32 },
  { ...WIDE, name: 'wide, most channels', shape: [1, 160, 16, 15], outputs: 16 },
  {
    ...PLAIN,
    name: 'replicated',
    shape: [1, 33, 31, 24],
    outputs: 31,
    mode: 'replicate',
    activation: 'tanh',
  },
  { ...PLAIN, name: 'no padding', shape: [2, 40, 14, 18], outputs: 24, sides: [0, 0, 0, 0] },
  { ...PLAIN, name: 'most channels', shape: [1, 256, 16, 15], outputs: 16 },
  {
    ...PLAIN,
    name: 'one row',
    algorithm: 'F(3x3, 3x3)',
    shape: [1, 64, 1, 70],
    outputs: 48,
    sides: [1, 1, 2, 2],
  },
  { ...STRIDE_2, name: 'stride 2', shape: [2, 48, 31, 47], outputs: 40, activation: 'relu' },
  { ...STRIDE_2, name: 'stride 2, reflected', shape: [1, 61, 48, 47], outputs: 40, mode: 'reflect' },
  { ...TRANSPOSED, name: 'transposed', shape: [2, 64, 8, 23], outputs: 40, activation: 'relu' },
  {
    ...TRANSPOSED,
    name: 'transposed, odd',
    shape: [1, 80, 16, 23],
    outputs: 33,
    transposed: [0, 1],
    bias: false,
  },
  { ...LARGE, name: '9x9 of RGB', shape: [1, 3, 26, 31], outputs: 32 },
  { ...TALL, name: 'tall 9x9 to RGB', shape: [1, 32, 25, 20], outputs: 3, activation: 'tanh' },
  { ...TALL, name: 'tall 9x9 to RGB, reflected', shape: [2, 45, 23, 25], outputs: 3, mode: 'reflect' },
  { ...TALL, name: 'tall 5x5 to RGB', shape: [1, 40, 25, 21], outputs: 3, kernel: 5, sides: [2, 2, 2, 2] },
  { ...LARGE, name: '9x9 to RGB', shape: [1, 32, 26, 20], outputs: 3, activation: 'tanh' },
  { ...LARGE, name: '5x5', shape: [1, 32, 18, 19], outputs: 24, kernel: 5, sides: [2, 2, 2, 2] },
  { ...SEVEN, name: '7x7 of RGB', algorithm: 'F(4x4, 4x4)', shape: [2, 3, 28, 32], outputs: 64 },
  {
    ...SEVEN,
    name: '7x7 to RGB',
    algorithm: 'F(4x4, 4x4)',
    shape: [1, 64, 45, 44],
    outputs: 3,
    activation: 'tanh',
  },
  { ...LARGE, name: '9x9 of many to RGB', shape: [1, 52, 26, 20], outputs: 3 },
];

function activate(y: Value, activation: Case['activation']): Value {
  return activation === 'relu' ? F.relu(y) : activation === 'tanh' ? F.tanh(y) : y;
}

function target(one: Case, weight: Parameter, bias: Parameter | null) {
  const { sides, mode, stride, transposed, activation } = one;
  return (x: Value): Value => {
    const y =
      transposed === null
        ? F.conv2d(F.pad(x, [...sides], { mode }), weight, { bias, stride })
        : F.convTranspose2d(x, weight, { bias, stride: 2, padding: 1, outputPadding: [...transposed] });
    return activate(y, activation);
  };
}

function naive(one: Case, x: Tensor, w: Tensor, b: Tensor | null): NdArray {
  const { sides, mode, stride, transposed } = one;
  const bias = b === null ? null : arrayOf(b);
  if (transposed !== null) {
    const settings = { stride: [2, 2], padding: [1, 1], outputPadding: transposed } as const;
    return convTranspose2d(arrayOf(x), arrayOf(w), bias, settings);
  }
  const [left, right, top, bottom] = sides;
  const padded = pad(arrayOf(x), [top, bottom, left, right], mode, 0);
  return conv2d(padded, arrayOf(w), bias, { stride: [stride, stride] });
}

/** Rms and largest error, in units of the wanted values' standard deviation before the activation. */
function errors(got: Tensor, wanted: NdArray, deviation: number): { rms: number; largest: number } {
  let [squares, largest] = [0, 0];
  wanted.data.forEach((value, i) => {
    const error = Math.abs((got.data[i] ?? Number.NaN) - value);
    squares += error * error;
    largest = error <= largest ? largest : error;
  });
  return { rms: Math.sqrt(squares / wanted.data.length) / deviation, largest: largest / deviation };
}

function deviationOf({ data }: NdArray): number {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
}

interface Expected {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly b: Tensor | null;
  readonly sums: NdArray;
}

/** The naive versions run once for the builds of a run. */
const known = new Map<Case, Expected>();
function expectedOf(one: Case): Expected {
  const before = known.get(one);
  if (before !== undefined) return before;
  const next = random(one.shape[1] * 100 + one.outputs);
  const x = randomTensor(next, one.shape);
  const { outputs, kernel } = one;
  const channels = one.transposed === null ? [outputs, one.shape[1]] : [one.shape[1], outputs];
  const w = randomTensor(next, [...channels, kernel, kernel]);
  const b = one.bias ? randomTensor(next, [outputs]) : null;
  const expected = { x, w, b, sums: naive(one, x, w, b) };
  known.set(one, expected);
  return expected;
}

describe.each(BUILDS)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(() => engine?.dispose());

  test.each(CASES)('$name', async (one) => {
    const { x, w, b, sums } = expectedOf(one);
    const wanted = map(sums, (value) =>
      one.activation === 'relu' ? Math.max(value, 0) : one.activation === 'tanh' ? Math.tanh(value) : value,
    );
    const weight = new Parameter(w);
    const bias = b === null ? null : new Parameter(b);
    for (const fuse of [true, false]) {
      const session = await engine.compile(target(one, weight, bias), [...one.shape], { fuse });
      const got = await session.run(x);
      expect(got.shape).toEqual(wanted.shape);
      expect(session.profile().rows.map(({ op }) => op)).toContain('conv_winograd');
      expect(session.explain()).toContain(`: ${one.algorithm}  #`);
      const { rms, largest } = errors(got, wanted, deviationOf(sums));
      expect(rms).toBeLessThan(WINOGRAD_RMS);
      expect(largest).toBeLessThan(WINOGRAD_LARGEST);
      await session.dispose();
    }
  });

  test("precision 'highest' runs the direct algorithm, and is closer", async () => {
    const next = random(7);
    const x = randomTensor(next, [1, 64, 16, 16]);
    const w = randomTensor(next, [32, 64, 3, 3]);
    const weight = new Parameter(w);
    const wanted = conv2d(arrayOf(x), arrayOf(w), null);
    const rms: number[] = [];
    for (const [precision, op] of [
      ['highest', 'conv2d'],
      ['high', 'conv_winograd'],
    ] as const) {
      const session = await engine.compile((v: Value) => F.conv2d(v, weight), [1, 64, 16, 16], { precision });
      const got = await session.run(x);
      expect(session.profile().rows.map((row) => row.op)).toContain(op);
      rms.push(errors(got, wanted, deviationOf(wanted)).rms);
    }
    expect(rms[0]).toBeLessThan(rms[1] ?? 0);
  });

  test('weights transformed in each run give the same bits as kept ones', async () => {
    const next = random(8);
    const shape = [1, 256, 16, 16];
    const x = randomTensor(next, shape);
    const weights = [1, 2].map(() => new Parameter(randomTensor(next, [1024, 256, 3, 3])));
    const layer = (v: Value, weight: Parameter): Value => F.conv2d(v, weight, { padding: 1 });
    // One alone takes 36 MB and is kept; both are more than 64 MB, and neither fits into what is kept then.
    const both = await engine.compile((v: Value) => weights.map((weight) => layer(v, weight)), shape);
    expect(both.explain()).toContain(`transformed weights: 0 bytes kept of at most ${2 ** 24}`);
    const together = await both.run(x);
    expect(both.profile().rows.filter(({ op }) => op === 'pack_conv_winograd')).toHaveLength(2);
    await both.dispose();
    for (const [index, weight] of weights.entries()) {
      const session = await engine.compile((v: Value) => layer(v, weight), shape);
      expect(session.explain()).toContain('; 0 transformed in each run');
      const alone = await session.run(x);
      const same = together[index]?.data.every((value, i) => Object.is(value, alone.data[i]));
      expect(same).toBe(true);
      await session.dispose();
    }
  });
});
