/** The documented networks against PyTorch: keys, output shapes, and values, both builds, fused and not, with Winograd and without. */
import { type Engine, ResidualBlock } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillByFormula, formulaInput } from '../golden/formula.js';
import {
  goldenUrl,
  maxAbsDifference,
  onlyTensor,
  readNetworkCases,
  readTensors,
  tensorOf,
} from '../golden/golden.js';
import { NETWORK } from '../tolerances.js';
import { BUILDS, buildNetwork, engineOf, Measured, VARIANTS } from './networks.js';

const cases = readNetworkCases(goldenUrl('networks/networks.json'));
const expected = readTensors(goldenUrl('networks/networks.safetensors'));

test('there are 8 cases', () => {
  expect(cases).toHaveLength(8);
});

test.each(cases)('$name has the keys of PyTorch, in its order', (golden) => {
  expect([...buildNetwork(golden).stateDict().keys()]).toEqual(golden.state_keys);
});

describe.each(BUILDS)('%s', (build) => {
  const measured = new Measured();
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(async () => {
    await engine.dispose();
    measured.print(`${build}: largest difference from PyTorch (bound ${NETWORK})`);
  });

  test('fusing takes steps away', async () => {
    const shape = [1, 16, 8, 8];
    const block = new ResidualBlock(16);
    fillByFormula(block);
    const steps = async (fuse: boolean) => {
      const session = await engine.compile(block, shape, { fuse });
      await session.run(formulaInput(shape));
      const { rows } = session.profile();
      await session.dispose();
      return rows.length;
    };
    expect(await steps(true)).toBeLessThan(await steps(false));
  });

  describe.each(VARIANTS)('$variant', ({ variant, options }) => {
    test.each(cases)('$name', async (golden) => {
      const network = buildNetwork(golden);
      fillByFormula(network);
      const session = await engine.compile(network, golden.input_shape, options);
      const y = onlyTensor(await session.run(formulaInput(golden.input_shape)));
      await session.dispose();
      expect(y.shape).toEqual(golden.output_shape);
      const difference = maxAbsDifference(y, tensorOf(expected, `${golden.name}/output`));
      measured.add(`${golden.name} ${variant}`, difference);
      expect(difference).toBeLessThanOrEqual(NETWORK);
    });
  });
});
