/** Stored tensors that callers make themselves: what does not agree is refused before a kernel reads it. */
import { ArgumentError, ShapeError, StateDictError, type Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';

const good: nn.StoredTensor = { bytes: new Uint8Array(16), dtype: 'F32', shape: [2, 2], strides: [2, 1] };

test.each<[string, object, new (what: string) => Error]>([
  ['too few bytes', { bytes: new Uint8Array(15) }, ShapeError],
  ['strides that reach too far', { strides: [3, 1] }, ShapeError],
  ['a stride too few', { strides: [2] }, ShapeError],
  ['an unknown dtype', { dtype: 'F8' }, ArgumentError],
  ['a size of 2.5', { shape: [2, 2.5] }, ArgumentError],
  ['a negative stride', { strides: [-2, 1] }, ArgumentError],
])('a stored tensor with %s is refused', (_, change, kind) => {
  expect(() => new nn.Parameter({ ...good, ...change })).toThrow(kind);
  expect(() => new nn.Parameter([2, 2]).set({ ...good, ...change })).toThrow(kind);
  const norm = new nn.LayerNorm([2, 2]);
  const before = norm.weight?.stored;
  expect(() => norm.loadStateDict({ weight: { ...good, ...change }, bias: good })).toThrow();
  expect(norm.weight?.stored).toBe(before);
});

test('an entry that is no tensor is told apart from one that is missing', () => {
  const norm = new nn.InstanceNorm2d(1, { affine: true });
  const entries = { weight: [1] as unknown as Tensor };
  try {
    norm.loadStateDict(entries);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(StateDictError);
    expect(error).toMatchObject({ missing: ['bias'], mismatched: ['weight'] });
  }
});
