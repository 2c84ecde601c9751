/** The weights that ship against their reference outputs, computed in float64 from the same half-precision weights. */
import { readFileSync } from 'node:fs';
import { type Engine, loadModel, type PictureInput, type PictureOutput } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldenUrl, maxAbsDifference, onlyTensor, readTensors, tensorOf } from '../golden/golden.js';
import { SHIPPED_NETWORK } from '../tolerances.js';
import { BUILDS, engineOf, Measured, VARIANTS } from './networks.js';

const NAMES = ['mosaic', 'scream', 'starry-night'] as const;

interface Card {
  readonly network: string;
  readonly parameters: number;
  readonly license: string;
  readonly input: PictureInput;
  readonly output: PictureOutput;
}

const modelUrl = (file: string) => new URL(`../../models/${file}`, import.meta.url);

test.each(NAMES)('%s is what its card says', (name) => {
  const card = JSON.parse(readFileSync(modelUrl(`${name}.json`), 'utf8')) as Card;
  const bytes = readFileSync(modelUrl(`${name}.safetensors`));
  const model = loadModel(bytes);
  const parameters = model.network.parameters().reduce((sum, parameter) => sum + parameter.numel(), 0);
  expect(parameters).toBe(card.parameters);
  const { input, output } = card;
  expect(model.pictures).toMatchObject({ input: { range: input.range }, output: { range: output.range } });
  // As a contract the card says what the file says.
  expect(loadModel(bytes, { pictures: { input, output } }).pictures).toEqual({
    input: { ...model.pictures.input, channelOrder: 'RGB', layout: 'NCHW' },
    output: model.pictures.output,
  });
  expect(card.license).toBe('Apache-2.0');
});

describe.each(BUILDS)('%s', (build) => {
  const measured = new Measured();
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(async () => {
    await engine.dispose();
    measured.print(`${build}: largest difference from the reference (bound ${SHIPPED_NETWORK})`);
  });

  describe.each(VARIANTS)('$variant', ({ variant, options }) => {
    test.each(
      NAMES.flatMap((name) => [
        { name, sizes: 'even' },
        { name, sizes: 'odd' },
      ]),
    )('$name, $sizes sizes', async ({ name, sizes }) => {
      const reference = readTensors(goldenUrl(`models/${name}.reference.safetensors`));
      const { network } = loadModel(readFileSync(modelUrl(`${name}.safetensors`)));
      const y = onlyTensor(await engine.run(network, tensorOf(reference, `input.${sizes}`), options));
      const difference = maxAbsDifference(y, tensorOf(reference, `output.${sizes}`));
      measured.add(`${name} ${sizes} ${variant}`, difference);
      expect(difference).toBeLessThanOrEqual(SHIPPED_NETWORK);
    });
  });
});
