// Rows so long that they are split for tiling give what short ones give; one of a prime length is not split.
import { Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';
import { engineFor, noise } from './support/engines.js';

const F = nn.functional;

function moments(data: Float32Array, first: number, count: number): { mean: number; variance: number } {
  const part = data.subarray(first, first + count);
  const mean = part.reduce((sum, value) => sum + value, 0) / count;
  return { mean, variance: part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count };
}

test.each([40_000, 3 * 16_384 + 64, 40_009])('3 rows of %i', async (length) => {
  const engine = await engineFor({ worker: false });
  const x = noise([3, length]);
  const scale = Tensor.from([2, 3, 4], [3, 1]);
  const out = await engine.run(
    (a, b) => ({
      product: a.mul(b),
      mean: a.mean(1),
      variance: a.view(1, 3, -1).var(2, { unbiased: false }),
      flat: a.view(-1).add(new nn.Parameter(Tensor.from([1], [1]))),
      normal: F.instanceNorm(a.view(1, 3, length)),
    }),
    [x, scale],
  );
  expect(out.normal.shape).toEqual([1, 3, length]);
  for (let row = 0; row < 3; row++) {
    const { mean, variance } = moments(x.data, row * length, length);
    expect(out.mean.data[row]).toBeCloseTo(mean, 5);
    expect(out.variance.data[row]).toBeCloseTo(variance, 5);
    for (const column of [0, 1, 63, 64, 16_383, 16_384, length - 1]) {
      const at = row * length + column;
      const value = x.data[at] ?? Number.NaN;
      expect(out.product.data[at]).toBe(Math.fround(value * (row + 2)));
      expect(out.flat.data[at]).toBe(Math.fround(value + 1));
      expect(out.normal.data[at]).toBeCloseTo((value - mean) / Math.sqrt(variance + 1e-5), 4);
    }
  }
});
