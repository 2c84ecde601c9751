/** Tensors: what they are made of, and that they have no arithmetic: forward points to engine.run. */
import { ArgumentError, ResidualBlock, ShapeError, StyleTransferNetwork, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../thrown_by.js';

/** What a caller without types may pass. */
const untyped = <T>(value: unknown): T => value as T;

describe('Tensor.from', () => {
  test.each<[string, unknown, string]>([
    [
      'nested arrays beside a shape',
      [
        [1, 2],
        [3, 4],
      ],
      '[1, 2] at 0',
    ],
    ['strings', ['1', '2'], "'1' at 0"],
    ['holes', [1, undefined], 'undefined at 1'],
    ['bigints', [1n, 2n], '1n at 0'],
    ['a BigInt64Array', new BigInt64Array(), 'BigInt64Array'],
    ['text', '12', "'12'"],
    ['null', null, 'null'],
  ])('refuses %s', (_, data, got) => {
    const error = thrownBy(() => Tensor.from(untyped(data), [2]));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toMatchObject({ got });
  });

  test('takes a Float32Array as it is and copies other numbers', () => {
    const data = Float32Array.of(1, 2);
    expect(Tensor.from(data, [2]).data).toBe(data);
    expect([...Tensor.from(Uint8Array.of(1, 2), [2, 1]).data]).toEqual([1, 2]);
    expect(Tensor.from([0.5], []).toArray()).toBe(0.5);
    expect(thrownBy(() => Tensor.from(data, [3]))).toBeInstanceOf(ShapeError);
  });
});

describe('Tensors of their own shape', () => {
  test.each<[unknown, number[]]>([
    [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [2, 3],
    ],
    [[[[1], [2]]], [1, 2, 1]],
    [[1, 2], [2]],
    [Uint8Array.of(1, 2, 3), [3]],
    [7, []],
    [[], [0]],
    [
      [[], []],
      [2, 0],
    ],
  ])('%j', (data, shape) => {
    const tensor = Tensor.from(untyped<number[]>(data));
    expect(tensor.shape).toEqual(shape);
    if (Array.isArray(data)) expect(tensor.toArray()).toEqual(data);
  });

  test.each<[string, unknown, typeof ArgumentError | typeof ShapeError]>([
    ['lists of different lengths', [[1, 2], [3]], ShapeError],
    ['a number beside a list', [[1], 2], ShapeError],
    ['text', [['1']], ArgumentError],
    ['a hole', [[1, 2], new Array(2)], ArgumentError],
    ['a typed array in a list', [Float32Array.of(1)], ArgumentError],
  ])('not %s', (_, data, type) => {
    expect(thrownBy(() => Tensor.from(untyped<number[]>(data)))).toBeInstanceOf(type);
  });

  test('zeros, ones, full', () => {
    expect(Tensor.zeros(2, 1).toArray()).toEqual([[0], [0]]);
    expect(Tensor.ones([2]).toArray()).toEqual([1, 1]);
    expect(Tensor.full([1, 2], -0.5).toArray()).toEqual([[-0.5, -0.5]]);
    expect(Tensor.zeros().shape).toEqual([]);
    for (const wrong of [[-1], [0.5], ['2'], [2 ** 30]])
      expect(thrownBy(() => Tensor.zeros(...untyped<number[]>(wrong)))).toBeInstanceOf(ShapeError);
    expect(thrownBy(() => Tensor.full([1], untyped<number>('1')))).toBeInstanceOf(ArgumentError);
  });

  test('reshape shares the elements, item and at read them', () => {
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(x.numel()).toBe(6);
    expect(x.reshape(3, -1).toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(x.reshape([-1]).data).toBe(x.data);
    expect([x.at(1, 0), x.at(-1, -1), Tensor.from(3).item(), Tensor.from([[4]]).item()]).toEqual([
      4, 6, 3, 4,
    ]);
    for (const sizes of [[4, -1], [-1, -1], [7], [0, -1], []])
      expect(thrownBy(() => x.reshape(...sizes))).toBeInstanceOf(ShapeError);
    for (const index of [[2, 0], [0, -4], [0], [0, 0, 0], [0.5, 0]])
      expect(thrownBy(() => x.at(...index))).toBeInstanceOf(ArgumentError);
    expect(thrownBy(() => x.item())).toBeInstanceOf(ShapeError);
    expect(thrownBy(() => Tensor.zeros(0).item())).toBeInstanceOf(ShapeError);
  });
});

/** The chapter's instance norm, which begins with a method of its argument. */
class FromScratch extends nn.Module {
  override forward(x: nn.Value): nn.Value {
    return x.sub(x.mean([2, 3], { keepdim: true }));
  }
}

test.each<[string, nn.Module]>([
  ['a layer', new nn.Conv2d(3, 3, 3)],
  ['a network', new StyleTransferNetwork()],
  ['a block that adds', new ResidualBlock(3)],
  ['a module of one’s own', new FromScratch()],
  ['Identity', new nn.Identity()],
  ['an empty Sequential', new nn.Sequential()],
])('forward of %s on a Tensor throws and points to engine.run', (_, module) => {
  const x = Tensor.from(new Float32Array(48), [1, 3, 4, 4]);
  const error = thrownBy(() => module.forward(untyped(x)));
  expect(error).toBeInstanceOf(ArgumentError);
  expect(error).toMatchObject({ hint: expect.stringContaining('engine.run') });
});
