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
      'nested arrays',
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
