/** For out-of-memory errors: how large the picture may be at most. Places candidate sizes, encodes none. */
import { GouacheError, OutOfMemoryError } from '../errors.js';

/**
 * The longest side, in pixels, of the largest picture of the same aspect ratio whose plan fits.
 * @param arenaBytes bytes of a plan for a width and height; may throw for sizes that the network cannot take
 * @returns null where no smaller picture fits
 */
export function largestSide(
  width: number,
  height: number,
  limit_bytes: number,
  arenaBytes: (width: number, height: number) => number,
): number | null {
  const longest = Math.max(width, height);
  const scaled = (length: number, side: number): number => Math.max(1, Math.round((length * side) / longest));
  /** Bytes at a side; null where the network refuses the size as too small. */
  const bytesAt = (side: number): number | null => {
    try {
      return arenaBytes(scaled(width, side), scaled(height, side));
    } catch (error) {
      if (error instanceof OutOfMemoryError) return Number.POSITIVE_INFINITY;
      if (error instanceof GouacheError) return null;
      throw error;
    }
  };
  let low = 0;
  let high = longest;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((bytesAt(middle) ?? 0) <= limit_bytes) low = middle;
    else high = middle;
  }
  return low === 0 || bytesAt(low) === null ? null : low;
}
