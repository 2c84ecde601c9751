/** One computation that the runner does twice: through the engine, and naively. */
import type { Tensor } from 'gouache';
import type { Value } from 'gouache/nn';
import type { NdArray } from './array.js';

export interface OpCase {
  /** Shapes and settings, as text. */
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly target: (...inputs: Value[]) => Value;
  readonly wanted: NdArray;
  readonly tolerance: number;
  /** What errors are measured in, element by element (default max(1, |wanted|)). */
  readonly scale?: NdArray;
}

/** The cases of one op for a seed. */
export type Cases = (seed: number) => OpCase[];

/** Where the numbers are too far apart, or null. NaN wants NaN, infinity itself. */
export function mismatch(got: Tensor, { wanted, tolerance, scale }: OpCase): string | null {
  if (got.shape.join() !== wanted.shape.join()) return `shape [${got.shape}], wanted [${wanted.shape}]`;
  for (let i = 0; i < wanted.data.length; i++) {
    const [is, should] = [got.data[i] ?? Number.NaN, wanted.data[i] ?? Number.NaN];
    if (Object.is(is, should) || is === should) continue;
    const unit = scale === undefined ? Math.max(1, Math.abs(should)) : (scale.data[i] ?? 0);
    if (!(Math.abs(is - should) <= tolerance * unit)) return `element ${i} is ${is}, wanted ${should}`;
  }
  return null;
}
