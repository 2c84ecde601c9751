/** matmul by its records, in each build: at every distance of rows that a build may have compiled in, and with nothing written between rows. */
import { describe, expect, test } from 'vitest';
import { STATUS_DONE } from '../../dist/ops/records.gen.js';
import { CONVOLUTION } from '../tolerances.js';
import { matrixProducts, type Product } from './raw_matmul.js';
import { BUILDS, instanceOf, RawPlan, WHOLE } from './raw_plan.js';

/** The largest error, in units of the sum of |a * b| + |bias|; what lies between the rows must be as it was. */
function errorOf(plan: RawPlan, product: Product, places: ReturnType<typeof matrixProducts>): number {
  const { batch = 1, m, k, n, transposed = false, gap = 0 } = product;
  const [a, b, bias, before] = [places.a, places.b, places.bias, places.y].map((slot) => plan.floats(slot));
  expect([plan.load(), plan.start(), plan.run(WHOLE)]).toEqual([STATUS_DONE, STATUS_DONE, STATUS_DONE]);
  const y = plan.floats(places.y);
  const of = (floats: Float32Array | undefined, i: number): number => floats?.[i] ?? Number.NaN;
  let worst = 0;
  for (let row = 0; row < batch * m; row++) {
    for (let column = 0; column < n + gap; column++) {
      const at = row * (n + gap) + column;
      if (column >= n) {
        expect(of(y, at)).toBe(of(before, at));
        continue;
      }
      let [sum, scale] = [of(bias, column), Math.abs(of(bias, column))];
      for (let step = 0; step < k; step++) {
        const inMatrix = transposed ? column * k + step : step * n + column;
        const one = of(a, row * (k + gap) + step) * of(b, Math.floor(row / m) * k * n + inMatrix);
        sum += one;
        scale += Math.abs(one);
      }
      worst = Math.max(worst, Math.abs(of(y, at) - sum) / scale);
    }
  }
  return worst;
}

describe.each(BUILDS)('%s', (build) => {
  test.each<Product>([
    ...[3, 32, 64, 128, 256, 1024].map((k) => ({ m: 14, k, n: 20 })),
    { batch: 3, m: 7, k: 9, n: 21, gap: 2 },
    { batch: 2, m: 12, k: 61, n: 13, gap: 3, transposed: true },
    { m: 1, k: 100, n: 33 },
    { m: 19, k: 50, n: 1 },
  ])('%o', async (product) => {
    const places = matrixProducts(product);
    const plan = new RawPlan(await instanceOf(build), places.encoded, []);
    expect(errorOf(plan, product, places)).toBeLessThan(CONVOLUTION);
  });
});
