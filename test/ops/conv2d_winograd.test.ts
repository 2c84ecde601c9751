/** conv2d by Winograd's algorithm against conv2d's naive version; each case asserts that this algorithm ran. */
import { Engine, type Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WINOGRAD_LARGEST, WINOGRAD_RMS } from '../tolerances.js';
import { arrayOf, map, type NdArray, random, randomTensor, type Shape4 } from './array.js';
import { conv2d } from './conv2d.js';
import { pad } from './pad.js';

const BUILDS = ['simd128', 'relaxed-simd'] as const;
/** left, right, top, bottom; as F.pad takes them. */
type Sides = readonly [number, number, number, number];

interface Case {
  readonly name: string;
  readonly shape: Shape4;
  readonly outputs: number;
  readonly sides: Sides;
  readonly mode: 'constant' | 'reflect' | 'replicate';
  readonly bias: boolean;
  readonly activation: 'none' | 'relu' | 'tanh';
}

const PLAIN = {
  sides: [1, 1, 1, 1],
  mode: 'constant',
  bias: true,
  activation: 'none',
} as const satisfies Partial<Case>;

/** Sizes around squares of 4, channels around lanes of 4 and panels of 8, more than one block of squares. */
const CASES: readonly Case[] = [
  { ...PLAIN, name: 'whole squares', shape: [1, 32, 16, 16], outputs: 32 },
  { ...PLAIN, name: 'odd sides, batch', shape: [3, 29, 13, 11], outputs: 37, bias: false },
  { ...PLAIN, name: 'reflected', shape: [2, 24, 15, 18], outputs: 26, mode: 'reflect', activation: 'relu' },
  {
    ...PLAIN,
    name: 'replicated',
    shape: [1, 33, 17, 14],
    outputs: 31,
    mode: 'replicate',
    activation: 'tanh',
  },
  { ...PLAIN, name: 'no padding', shape: [2, 40, 11, 22], outputs: 24, sides: [0, 0, 0, 0] },
  { ...PLAIN, name: 'uneven', shape: [1, 32, 9, 21], outputs: 33, sides: [3, 0, 2, 4], mode: 'reflect' },
  { ...PLAIN, name: 'many squares', shape: [1, 16, 37, 41], outputs: 16 },
  { ...PLAIN, name: 'most channels', shape: [1, 256, 10, 10], outputs: 40 },
  { ...PLAIN, name: 'one row', shape: [1, 64, 1, 70], outputs: 48, sides: [1, 1, 2, 2] },
];

function target({ sides, mode, activation }: Case, weight: Parameter, bias: Parameter | null) {
  return (x: Value): Value => {
    const y = F.conv2d(F.pad(x, [...sides], { mode }), weight, { bias });
    return activation === 'relu' ? F.relu(y) : activation === 'tanh' ? F.tanh(y) : y;
  };
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

describe.each(BUILDS)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.create({ build });
    expect(engine.info().build).toBe(build);
  });
  afterAll(() => engine?.dispose());

  test.each(CASES)('$name', async (one) => {
    const next = random(one.shape[1] * 100 + one.outputs);
    const x = randomTensor(next, one.shape);
    const w = randomTensor(next, [one.outputs, one.shape[1], 3, 3]);
    const b = one.bias ? randomTensor(next, [one.outputs]) : null;
    const [left, right, top, bottom] = one.sides;
    const padded = pad(arrayOf(x), [top, bottom, left, right], one.mode, 0);
    const sums = conv2d(padded, arrayOf(w), b === null ? null : arrayOf(b));
    const wanted = map(sums, (value) =>
      one.activation === 'relu' ? Math.max(value, 0) : one.activation === 'tanh' ? Math.tanh(value) : value,
    );
    const weight = new Parameter(w);
    const bias = b === null ? null : new Parameter(b);
    for (const fuse of [true, false]) {
      const session = await engine.compile(target(one, weight, bias), [...one.shape], { fuse });
      const got = await session.run(x);
      expect(got.shape).toEqual(wanted.shape);
      expect(session.profile().rows.map(({ op }) => op)).toContain('conv2d_winograd');
      expect(session.explain()).toContain(': winograd  #');
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
      ['high', 'conv2d_winograd'],
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
    // One alone takes 36 MB, both more than is kept.
    const both = await engine.compile((v: Value) => weights.map((weight) => layer(v, weight)), shape);
    expect(both.explain()).toContain('transformed in each run');
    const together = await both.run(x);
    expect(both.profile().rows.filter(({ op }) => op === 'pack_conv2d_winograd')).toHaveLength(2);
    await both.dispose();
    for (const [index, weight] of weights.entries()) {
      const session = await engine.compile((v: Value) => layer(v, weight), shape);
      expect(session.explain()).toContain('transformed once');
      const alone = await session.run(x);
      const same = together[index]?.data.every((value, i) => Object.is(value, alone.data[i]));
      expect(same).toBe(true);
      await session.dispose();
    }
  });
});
