/** pixels_in and pixels_out against their naive versions, by way of `engine.paint`: pictures of every kind, tiny ones reflected many times. */
import { Engine } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEVEL } from '../tolerances.js';
import { cases } from './pixels.js';

describe.each(['simd128', 'relaxed-simd'] as const)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.create({ build });
    expect(engine.info().build).toBe(build);
  });
  afterAll(() => engine?.dispose());

  test.each([1, 2])('pixels, seed %i', async (seed) => {
    const failures: string[] = [];
    for (const { name, picture, model, wanted } of cases(seed)) {
      const painted = await engine.paint(model, picture);
      expect([painted.height, painted.width, painted.channels]).toEqual(wanted.shape);
      wanted.data.forEach((level, i) => {
        const rounded = [level - LEVEL, level + LEVEL].map((near) =>
          Math.min(Math.max(Math.floor(near + 0.5), 0), 255),
        );
        const got = painted.data[i] ?? Number.NaN;
        if (!rounded.includes(got))
          failures.push(`${name}, seed ${seed}: byte ${i} is ${got}, wanted ${level}`);
      });
    }
    expect(failures.slice(0, 5)).toEqual([]);
  });
});
