/** The example's InstanceNorm2d, written out with mean and var, equals the layer. */
import type { Engine } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, TOLERANCE } from '../../examples/instance_norm_from_scratch.mjs';
import { BUILDS, engineOf } from './networks.js';

describe.each(BUILDS)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(() => engine.dispose());

  test.each([[[1, 3, 32, 32]], [[2, 5, 17, 23]], [[3, 64, 9, 1]], [[1, 1, 1, 2]]])('[%s]', async (shape) => {
    expect(TOLERANCE).toBe(1e-5);
    expect(await largestDifference(engine, shape)).toBeLessThanOrEqual(TOLERANCE);
  });
});
