/** Files that are no gouache model yet, or never: a typed error that says what is missing. */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GouacheError, loadModel, ModelFormatError, readSafetensors } from 'gouache';
import { expect, test } from 'vitest';
import { thrownBy } from '../thrown_by.js';
import { dataPath, readData } from './data.js';

/** Generators of other projects: their tensors can be read, but no metadata says which network they are. */
const PUBLIC = ['cyclegan_horse2zebra_compressed', 'fns_mathura', 'ptfns_mosaic', 'ptfns_starry-night'];

test.each(PUBLIC)('%s: readable tensors, and an error that names the missing metadata', (name) => {
  const bytes = readData(`models/${name}.safetensors`);
  expect(readSafetensors(bytes).tensors.size).toBeGreaterThan(40);
  const error = thrownBy(() => loadModel(bytes));
  expect(error).toBeInstanceOf(ModelFormatError);
  expect(String(error)).toMatch(/which network.*no metadata key network/);
});

/** Formats other than safetensors, damaged or not. */
const FOREIGN = ['good', 'bad'].flatMap((kind) =>
  readdirSync(dataPath(`golden/networks/checkpoints/${kind}`))
    .filter((file) => file.endsWith('.pth'))
    .map((file) => `golden/networks/checkpoints/${kind}/${file}`),
);
const ONNX = readdirSync(dataPath('models/onnx')).map((file) => `models/onnx/${file}`);

test('there are files of other formats', () => {
  expect(FOREIGN.length).toBeGreaterThanOrEqual(15);
  expect(ONNX.length).toBeGreaterThanOrEqual(4);
});

test.each([...FOREIGN, ...ONNX])('%s is refused, and nothing in it is run', (file) => {
  const bytes = readData(file);
  for (const read of [readSafetensors, loadModel]) {
    const error = thrownBy(() => read(bytes));
    expect(error).toBeInstanceOf(ModelFormatError);
    expect(error).toBeInstanceOf(GouacheError);
  }
  for (const folder of [process.cwd(), tmpdir()]) {
    expect(existsSync(join(folder, 'pickle-was-executed.txt'))).toBe(false);
  }
});
