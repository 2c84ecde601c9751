/** One computation that the runner does twice: through the engine, and naively. */
import type { Tensor } from 'gouache';
import type { Value } from 'gouache/nn';
import { map, type NdArray } from './array.js';

export interface OpCase {
  /** Shapes and settings, as text. */
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly target: (...inputs: Value[]) => Value;
  readonly wanted: NdArray;
  readonly tolerance: number;
  /** What errors are measured in, element by element (default {@link sizes}). */
  readonly scale?: NdArray;
}

/** |x|, but no less than the smallest normal float32: below it floats lie as far apart as above. */
export const sizes = (x: NdArray): NdArray => map(x, (value) => Math.max(2 ** -126, Math.abs(value)));

/** max(1, |x|), of values whose deviation is about 1. */
export const deviations = (x: NdArray): NdArray => map(x, (value) => Math.max(1, Math.abs(value)));

/** The cases of one op for a seed. */
export type Cases = (seed: number) => OpCase[];

/** Where the numbers are too far apart, or null. NaN wants NaN, infinity itself. */
export function mismatch(
  got: Tensor,
  { wanted, tolerance, scale = sizes(wanted) }: Pick<OpCase, 'wanted' | 'tolerance' | 'scale'>,
): string | null {
  if (got.shape.join() !== wanted.shape.join()) return `shape [${got.shape}], wanted [${wanted.shape}]`;
  for (let i = 0; i < wanted.data.length; i++) {
    const [is, should] = [got.data[i] ?? Number.NaN, wanted.data[i] ?? Number.NaN];
    if (Object.is(is, should) || is === should) continue;
    if (!(Math.abs(is - should) <= tolerance * (scale.data[i] ?? 0)))
      return `element ${i} is ${is}, wanted ${should}`;
  }
  return null;
}
