/** The modules of torch.nn, case by case, against PyTorch in float64; what gouache refuses must be refused with a typed error. */
import { readFileSync } from 'node:fs';
import { type Engine, readSafetensors, Tensor, UnsupportedError } from 'gouache';
import * as nn from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldenUrl, onlyTensor } from '../golden/golden.js';
import { BUILDS, engineOf, Measured } from '../networks/networks.js';
import { TORCH_LAYER } from '../tolerances.js';
import { ABSENT, isRefused, type ModuleCase, makeModule } from './golden_modules.js';

const GROUPS = ['activation', 'conv', 'norm', 'shape'];

const groups = GROUPS.map((group) => ({
  group,
  cases: JSON.parse(readFileSync(goldenUrl(`nn/${group}.json`), 'utf8')) as ModuleCase[],
  tensors: readSafetensors(readFileSync(goldenUrl(`nn/${group}.safetensors`))).tensors,
}));

type Tensors = (typeof groups)[number]['tensors'];

function tensorOf(tensors: Tensors, name: string): Tensor {
  const stored = tensors.get(name);
  if (stored?.dtype !== 'F32') throw new Error(`no float32 tensor ${name}`);
  return Tensor.from(new Float32Array(Uint8Array.from(stored.bytes).buffer), stored.shape);
}

function stateOf(tensors: Tensors, name: string): Map<string, nn.StoredTensor> {
  const prefix = `${name}/state/`;
  return new Map(
    [...tensors]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, tensor]) => [key.slice(prefix.length), tensor]),
  );
}

/** Difference over max(1, |wanted|); 0 for equal infinities and for NaN as wanted. */
function relativeError(got: number, wanted: number): number {
  if (Object.is(got, wanted) || got === wanted) return 0;
  const error = Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

test('there are 408 cases, of modules that exist or are known not to', () => {
  expect(groups.flatMap(({ cases }) => cases)).toHaveLength(408);
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

  describe.each(groups)('$group', ({ group, cases, tensors }) => {
    let largest = 0;
    afterAll(() => measured.add(group, largest));

    const present = cases.filter(({ module }) => !ABSENT.includes(module));

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
        const error = y.data.reduce(
          (most, value, i) => Math.max(most, relativeError(value, wanted.data[i] ?? Number.NaN)),
          0,
        );
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
  });
});
