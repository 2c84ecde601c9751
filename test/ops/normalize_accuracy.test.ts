/** A small spread around a large mean: what x * s + t and E[x^2] - E[x]^2 get wrong. Errors are against float64 of the same float32 input. */
import { Engine } from 'gouache';
import { functional as F } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NORMALIZATION } from '../tolerances.js';
import { arrayOf, random, randomTensor } from './array.js';
import { normalize } from './normalize.js';

const SHAPE = [4, 6, 67, 65] as const;

describe.each(['simd128', 'relaxed-simd'] as const)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.create({ build });
    expect(engine.info().build).toBe(build);
  });
  afterAll(() => engine?.dispose());

  test.each([
    [1000, 0.5],
    [1e4, 1],
    [-1e4, 1],
    [0, 1e-3],
  ])('%d +- %d', async (mean, spread) => {
    const x = randomTensor(random(mean + 7), SHAPE, mean - spread, mean + spread);
    const kinds = [
      {
        run: await engine.run((v) => F.instanceNorm(v), x),
        key: (i: readonly number[]) => `${i[0]} ${i[1]}`,
      },
      {
        run: await engine.run((v) => F.groupNorm(v, 2), x),
        key: (i: readonly number[]) => `${i[0]} ${(i[1] ?? 0) < 3}`,
      },
      {
        run: await engine.run((v) => F.layerNorm(v, SHAPE.slice(1)), x),
        key: (i: readonly number[]) => `${i[0]}`,
      },
      {
        run: await engine.run((v) => F.batchNorm(v, null, null, { training: true }), x),
        key: (i: readonly number[]) => `${i[1]}`,
      },
    ];
    for (const { run, key } of kinds) {
      const wanted = normalize(arrayOf(x), key, null);
      const worst = wanted.data.reduce(
        (most, y, i) => Math.max(most, Math.abs((run.data[i] ?? Number.NaN) - y) / Math.max(1, Math.abs(y))),
        0,
      );
      expect(worst).toBeLessThanOrEqual(NORMALIZATION);
    }
  });
});
