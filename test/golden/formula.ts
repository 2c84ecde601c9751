/** The weights and inputs of the golden network cases, by the formula of generate_networks.py. */
import { Tensor } from 'gouache';
import type { Module } from 'gouache/nn';

const GOLDEN_RATIO = 0x9e3779b9;
const INPUT_SEED = 1000;

/** MurmurHash3's finaliser. */
function fmix32(seed: number): number {
  let h = seed;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Element i of tensor t: a number in [-1, 1), scaled and shifted in float64, then rounded to float32. */
function uniform(t: number, shape: readonly number[], scale: number, shift: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const base = Math.imul(t, GOLDEN_RATIO);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = shift + scale * ((fmix32((i + base) | 0) / 2 ** 32) * 2 - 1);
  return Tensor.from(data, shape);
}

/** The input of a case. */
export function formulaInput(shape: readonly number[]): Tensor {
  return uniform(INPUT_SEED, shape, 1, 0);
}

/** Gives every parameter of `module` its golden values; those with a 1-D weight are norms. */
export function fillByFormula(module: Module): void {
  const state = module.stateDict();
  const tensors: Record<string, Tensor> = {};
  let t = 0;
  for (const [key, { shape }] of state) {
    const owner = key.slice(0, key.lastIndexOf('.'));
    const norm = state.get(`${owner}.weight`)?.shape.length === 1;
    const weight = key.endsWith('.weight');
    const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
    const scale = norm ? 0.2 : weight ? Math.sqrt(6 / fanIn) : 0.1;
    tensors[key] = uniform(t++, shape, scale, norm && weight ? 1 : 0);
  }
  module.loadStateDict(tensors);
}
