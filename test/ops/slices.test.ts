/** However a run is cut into slices, the results are the same bits. (Any number of workers: crates/kernels/src/testing.rs, for every op.) */
import { describe, expect, test } from 'vitest';
import { HEADER, STATUS_DONE, STATUS_MORE } from '../../dist/ops/records.gen.js';
import { BUILDS, encodedPlans, instanceOf, RawPlan, WHOLE } from './raw_plan.js';

describe.each(BUILDS)('%s', (build) => {
  test.each(encodedPlans())('$name', async ({ encoded, weightBytes }) => {
    const plan = new RawPlan(await instanceOf(build), encoded, weightBytes);
    const results = [WHOLE, 1, 2, 3, 7].map((tile_budget) => {
      plan.reset();
      expect([plan.load(), plan.start()]).toEqual([STATUS_DONE, STATUS_DONE]);
      let slices = 1;
      while (plan.run(tile_budget) === STATUS_MORE) slices++;
      expect(plan.run(tile_budget)).toBe(STATUS_DONE);
      return { slices, bytes: plan.outputs() };
    });
    const [whole, ...sliced] = results;
    expect(whole?.slices).toBe(1);
    for (const { bytes } of sliced) expect(Buffer.compare(bytes, whole?.bytes ?? new Uint8Array())).toBe(0);
    expect(sliced[0]?.slices).toBeGreaterThanOrEqual(encoded.words[HEADER.records] ?? Number.NaN);
  });
});
