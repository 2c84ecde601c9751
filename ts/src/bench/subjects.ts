/**
 * What is measured: the two networks at 256x256, and the golden case that each must compute right first. Weights and inputs follow
 * the formula of test/golden/generate_networks.py: times do not depend on them.
 */
import { readFileSync } from 'node:fs';
import { CycleGANGenerator, readSafetensors, StyleTransferNetwork, Tensor } from '../index.js';
import type { Module } from '../nn/index.js';

/** Largest difference from PyTorch that is taken for a right result, as in the tests of the networks. */
const TOLERANCE = 1e-4;
const GOLDEN_URL = new URL('../../test/golden/networks/networks.safetensors', import.meta.url);

/** A network with weights, its size in the benchmark, and the case it is checked with. */
export interface Subject {
  readonly name: string;
  readonly network: StyleTransferNetwork | CycleGANGenerator;
  readonly shape: readonly number[];
  readonly input: Tensor;
  readonly goldenInput: Tensor;
  readonly goldenOutput: Tensor;
}

/** MurmurHash3's finaliser. */
function fmix32(seed: number): number {
  let h = seed;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Tensor number t of the formula: in [-1, 1), scaled and shifted. */
function uniform(t: number, shape: readonly number[], scale: number, shift: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const base = Math.imul(t, 0x9e3779b9);
  const at = (i: number): number => shift + scale * ((fmix32((i + base) | 0) / 2 ** 32) * 2 - 1);
  return Tensor.from(
    Float32Array.from({ length: count }, (_, i) => at(i)),
    shape,
  );
}

function fillByFormula(module: Module): void {
  const state = module.stateDict();
  const tensors: Record<string, Tensor> = {};
  let t = 0;
  for (const [key, { shape }] of state) {
    const weight = key.endsWith('.weight');
    const norm = state.get(`${key.slice(0, key.lastIndexOf('.'))}.weight`)?.shape.length === 1;
    const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
    const scale = norm ? 0.2 : weight ? Math.sqrt(6 / fanIn) : 0.1;
    tensors[key] = uniform(t++, shape, scale, norm && weight ? 1 : 0);
  }
  module.loadStateDict(tensors);
}

function subject(name: string, network: Subject['network'], golden: string): Subject {
  fillByFormula(network);
  const stored = readSafetensors(readFileSync(GOLDEN_URL)).tensors.get(`${golden}/output`);
  if (stored === undefined) throw new Error(`no golden case ${golden}`);
  const values = new Float32Array(Uint8Array.from(stored.bytes).buffer);
  const [shape, goldenShape] = [
    [1, 3, 256, 256],
    [1, 3, 64, 64],
  ];
  return {
    name,
    network,
    shape,
    input: uniform(1000, shape, 1, 0),
    goldenInput: uniform(1000, goldenShape, 1, 0),
    goldenOutput: Tensor.from(values, stored.shape),
  };
}

/** The networks of the benchmark. */
export function subjects(): Subject[] {
  return [
    subject('StyleTransferNetwork', new StyleTransferNetwork(), 'StyleTransferNetwork-2'),
    subject('CycleGANGenerator', new CycleGANGenerator(), 'CycleGANGenerator-5'),
  ];
}

/** @throws Error when the two differ by more than the tolerance, or one has NaN */
export function mustBeNear(what: string, got: Tensor, wanted: Tensor): void {
  const difference = got.data.reduce((most, x, i) => {
    const d = Math.abs(x - (wanted.data[i] ?? Number.NaN));
    return d <= most ? most : d;
  }, 0);
  if (got.data.length === wanted.data.length && difference <= TOLERANCE) return;
  throw new Error(`${what}: differs by ${difference}, allowed ${TOLERANCE}; nothing is timed`);
}
