/** What the repository holds of the data folder is the same, byte for byte. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dataPath, readData } from './data.js';

const repository = new URL('../../', import.meta.url);

const MODELS = ['mosaic', 'scream', 'starry-night'];
const CHECKPOINTS = 'networks/checkpoints';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const safetensors = (folder: string) =>
  readdirSync(dataPath(folder)).filter((file) => file.endsWith('.safetensors'));

const nn = [
  ...['activation', 'conv', 'norm', 'shape'].map((kind) => `nn/${kind}`),
  ...['activation', 'linear', 'norm', 'shape'].map((kind) => `nn-more/${kind}`),
].flatMap((group) => [`${group}.json`, `${group}.safetensors`]);

/** [in the repository, in the folder] */
const copies: readonly (readonly [string, string])[] = [
  ...MODELS.flatMap((name): [string, string][] => [
    [`models/${name}.safetensors`, `models/ours/${name}.safetensors`],
    [`models/${name}.json`, `models/ours/${name}.json`],
    [`test/golden/models/${name}.reference.safetensors`, `models/ours/${name}.reference.safetensors`],
  ]),
  ...['generate_networks.py', 'networks/networks.json', 'networks/networks.safetensors', ...nn].map(
    (file): [string, string] => [`test/golden/${file}`, `golden/${file}`],
  ),
  ['test/golden/generate_nn.py', 'golden/generate.py'],
  ['test/golden/generate_nn_more.py', 'golden/generate_more.py'],
  ...['good', 'bad'].flatMap((kind) =>
    safetensors(`golden/${CHECKPOINTS}/${kind}`).map((file): [string, string] => [
      `test/golden/${CHECKPOINTS}/${kind}/${file}`,
      `golden/${CHECKPOINTS}/${kind}/${file}`,
    ]),
  ),
  ['examples/photos/coffee.png', 'photos/skimage_coffee.png'],
];

test('the models of the folder are the models that ship', () => {
  const there = readdirSync(dataPath('models/ours')).filter((file) => /^[^.]+\.safetensors$/.test(file));
  expect(there.sort()).toEqual(MODELS.map((name) => `${name}.safetensors`));
});

test.each(copies)('%s', (ours, theirs) => {
  expect(hash(readFileSync(new URL(ours, repository)))).toBe(hash(readData(theirs)));
});
