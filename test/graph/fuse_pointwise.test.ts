/** fuse: chains of pointwise operations become one program, which computes the same bits. */
import { Engine, type Tensor } from 'gouache';
import { functional as F, type Value } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fuse } from '../../dist/graph/fuse.js';
import * as nn from '../../dist/nn/index.js';
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
