/** Reads golden files: tensors that PyTorch computed, and the list of network cases. It compares nothing. */
import { readFileSync } from 'node:fs';
import { readSafetensors, Tensor } from 'gouache';

/** One case of networks.json. */
export interface NetworkCase {
  readonly name: string;
  readonly network: string;
  readonly args: Readonly<Record<string, number>>;
  readonly input_shape: readonly number[];
  readonly output_shape: readonly number[];
  readonly state_keys: readonly string[];
}

/** A file of this folder. */
export function goldenUrl(path: string): URL {
  return new URL(path, import.meta.url);
}

/** The float32 tensors of a safetensors file, by name. */
export function readTensors(file: URL | string): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, { bytes, dtype, shape }] of readSafetensors(readFileSync(file)).tensors) {
    if (dtype !== 'F32') throw new Error(`${String(file)}: ${name} is ${dtype}, golden tensors are F32`);
    tensors.set(name, Tensor.from(new Float32Array(Uint8Array.from(bytes).buffer), shape));
  }
  return tensors;
}

/** The tensor called `name`, which must be there. */
export function tensorOf(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}; there are ${[...tensors.keys()].join(', ')}`);
  return tensor;
}

/** The output of a network that has one. */
export function onlyTensor(output: unknown): Tensor {
  if (output instanceof Tensor) return output;
  throw new Error('a network of these has one output');
}

export function readNetworkCases(file: URL | string): NetworkCase[] {
  return JSON.parse(readFileSync(file, 'utf8')) as NetworkCase[];
}

/** Largest absolute difference; NaN where either has one, so that no bound holds. */
export function maxAbsDifference(got: Tensor, wanted: Tensor): number {
  if (got.shape.join() !== wanted.shape.join()) {
    throw new Error(`shapes differ: got [${got.shape.join(', ')}], wanted [${wanted.shape.join(', ')}]`);
  }
  let largest = 0;
  for (let i = 0; i < got.data.length; i++) {
    const difference = Math.abs((got.data[i] ?? Number.NaN) - (wanted.data[i] ?? Number.NaN));
    if (Number.isNaN(difference)) return Number.NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}
