/** Checkpoint files: good ones load to the numbers they hold, bad ones get a typed error before anything is made of them. */
import { readdirSync, readFileSync } from 'node:fs';
import {
  CycleGANGenerator,
  type Engine,
  GouacheError,
  loadModel,
  ModelFormatError,
  readSafetensors,
  Tensor,
} from 'gouache';
import type { StoredTensor } from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldenUrl, maxAbsDifference, onlyTensor, readTensors, tensorOf } from '../golden/golden.js';
import { BFLOAT16_WEIGHTS, HALF_WEIGHTS, NETWORK } from '../tolerances.js';
import { BUILDS, engineOf } from './networks.js';

const folder = 'networks/checkpoints';
const readGood = (file: string) => readFileSync(goldenUrl(`${folder}/good/${file}`));
const expected = readTensors(goldenUrl(`${folder}/good/expected.safetensors`));
const input = tensorOf(expected, 'input');

const emptyNetwork = () => new CycleGANGenerator({ ngf: 8, nBlocks: 2 });

const ROUNDED = [
  { file: 'state_dict_half.safetensors', dtype: 'F16', tolerance: HALF_WEIGHTS },
  { file: 'state_dict_bfloat16.safetensors', dtype: 'BF16', tolerance: BFLOAT16_WEIGHTS },
] as const;

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function bfloat16ToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? Number.NaN;
}

/** The naive conversion, for comparison with the kernels'. */
function widen({ bytes, dtype, shape }: StoredTensor): Tensor {
  const words = new Uint16Array(Uint8Array.from(bytes).buffer);
  return Tensor.from(Array.from(words, dtype === 'F16' ? halfToNumber : bfloat16ToNumber), shape);
}

describe.each(BUILDS)('%s', (build) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engineOf(build);
  });
  afterAll(() => engine.dispose());

  test('float32, network and arguments from the metadata', async () => {
    const { network } = loadModel(readGood('state_dict.safetensors'));
    expect(network).toBeInstanceOf(CycleGANGenerator);
    const y = onlyTensor(await engine.run(network, input));
    expect(maxAbsDifference(y, tensorOf(expected, 'output'))).toBeLessThanOrEqual(NETWORK);
  });

  test.each(ROUNDED)(
    '$dtype: the same bits as its numbers in float32',
    async ({ file, dtype, tolerance }) => {
      const { tensors } = readSafetensors(readGood(file));
      expect(new Set([...tensors.values()].map((stored) => stored.dtype))).toEqual(new Set([dtype]));
      const stored = emptyNetwork();
      stored.loadStateDict(tensors);
      const widened = emptyNetwork();
      widened.loadStateDict(new Map([...tensors].map(([key, tensor]) => [key, widen(tensor)])));
      const y = await engine.run(stored, input);
      expect(y.data).toEqual((await engine.run(widened, input)).data);
      expect(maxAbsDifference(y, tensorOf(expected, 'output'))).toBeLessThanOrEqual(tolerance);
    },
  );
});

test('a state dict without metadata is no model, and the error says what is missing', () => {
  const load = () => loadModel(readGood('state_dict_half.safetensors'));
  expect(load).toThrow(ModelFormatError);
  expect(load).toThrow(/network/);
});

const bad = readdirSync(goldenUrl(`${folder}/bad`));

test('there are 10 bad files', () => {
  expect(bad).toHaveLength(10);
});

test.each(bad)('%s is refused', (file) => {
  const bytes = readFileSync(goldenUrl(`${folder}/bad/${file}`));
  for (const read of [readSafetensors, loadModel]) {
    let thrown: unknown;
    try {
      read(bytes);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ModelFormatError);
    expect(thrown).toBeInstanceOf(GouacheError);
    expect((thrown as ModelFormatError).code).toBe('model-format');
  }
});
