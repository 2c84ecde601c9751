/** The modules of torch.nn, case by case, against PyTorch in float64; what gouache refuses must be refused with a typed error. */
import { type Engine, type Tensor, UnsupportedError } from 'gouache';
import * as nn from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onlyTensor } from '../golden/golden.js';
import { BUILDS, engineOf, Measured } from '../networks/networks.js';
import { TORCH_LAYER } from '../tolerances.js';
import {
  ABSENT,
  GROUPS,
  isPresent,
  isRefused,
  largestError,
  type ModuleCase,
  makeModule,
  stateOf,
  tensorOf,
} from './golden_modules.js';

test('there are 563 cases, 257 of them of modules that exist; the others are known not to', () => {
  expect(GROUPS.flatMap(({ cases }) => cases)).toHaveLength(563);
  expect(GROUPS.flatMap(({ cases }) => cases.filter(isPresent))).toHaveLength(257);
  for (const name of ABSENT) expect(nn, `${name} exists now: take it off the list`).not.toHaveProperty(name);
});

describe.each(BUILDS)('%s', (build) => {
  const measured = new Measured();
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(async () => {
    await engine.dispose();
    measured.print(`${build}: largest error relative to max(1, |y|) (bound ${TORCH_LAYER})`);
  });

  describe.each(GROUPS.filter(({ cases }) => cases.some(isPresent)))(
    '$group',
    ({ group, cases, tensors }) => {
      let largest = 0;
      afterAll(() => measured.add(group, largest));

      const present = cases.filter(isPresent);

      async function run(golden: ModuleCase, step: number): Promise<Tensor> {
        const module = makeModule(golden).train(golden.mode === 'train');
        module.loadStateDict(stateOf(tensors, golden.name));
        return onlyTensor(await engine.run(module, tensorOf(tensors, `${golden.name}/input.${step}`)));
      }

      test.each(present.filter((golden) => !isRefused(golden)))('$name', async (golden) => {
        for (let step = 0; step < golden.steps; step++) {
          const y = await run(golden, step);
          const wanted = tensorOf(tensors, `${golden.name}/output.${step}`);
          expect(y.shape).toEqual(wanted.shape);
          const error = largestError(y.data, wanted.data);
          largest = Math.max(largest, error);
          expect(error).toBeLessThanOrEqual(TORCH_LAYER);
        }
      });

      const refused = present.filter(isRefused);
      if (refused.length > 0) {
        test.each(refused)('$name is refused', async (golden) => {
          await expect(run(golden, 0)).rejects.toThrow(UnsupportedError);
        });
      }
    },
  );
});
