/** What outputs are compared with before any time is taken: PyTorch's float64 values, which test/golden/generate_bench.py wrote. */
import { readFileSync } from 'node:fs';
import { readSafetensors } from '../index.js';
import type { Sample } from './protocol.js';

/** Largest difference, in an output of -1..1, that is taken for a right result: what the project promises of whole networks. */
export const TOLERANCE = 1e-4;

export interface Reference {
  /** Float64, at the seeded positions. */
  readonly values: readonly number[];
  readonly mean: number;
  readonly least: number;
  readonly largest: number;
}

function float64(file: URL | string, key: string): readonly number[] {
  const stored = readSafetensors(readFileSync(file)).tensors.get(key);
  if (stored?.dtype !== 'F64') throw new Error(`${String(file)} has no float64 tensor ${key}`);
  return [...new Float64Array(Uint8Array.from(stored.bytes).buffer)];
}

/** The reference of a case, such as `style-256`. */
export function readReference(file: URL | string, name: string): Reference {
  const [mean = Number.NaN, least = Number.NaN, largest = Number.NaN] = float64(file, `${name}/summary`);
  return { values: float64(file, `${name}/values`), mean, least, largest };
}

export interface Verdict {
  /** Largest absolute difference at the positions, of the mean and of the extremes; NaN where the output has one. */
  readonly difference: number;
  readonly agrees: boolean;
}

/** Compares an engine's output with the reference. */
export function compare(sample: Sample, reference: Reference): Verdict {
  const pairs: [unknown, number][] = [
    ...reference.values.map((wanted, i): [unknown, number] => [sample.values[i], wanted]),
    [sample.mean, reference.mean],
    [sample.least, reference.least],
    [sample.largest, reference.largest],
  ];
  const difference = pairs.reduce((most, [got, wanted]) => {
    // NaN has become null on its way between processes.
    const one = typeof got === 'number' ? Math.abs(got - wanted) : Number.NaN;
    return Math.max(most, one);
  }, 0);
  return { difference, agrees: sample.values.length === reference.values.length && difference <= TOLERANCE };
}
