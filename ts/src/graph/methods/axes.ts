/** Axes as PyTorch takes them: negative ones count from the end. */
import { ArgumentError } from '../../errors.js';
import { shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';

/** An axis as a non-negative number. @throws {@link ArgumentError} for one that does not exist */
export function axisOf(dim: number, rank: number, op: string, got = shown(dim)): number {
  const axis = Number.isInteger(dim) && dim < 0 ? dim + rank : dim;
  if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
  throw new ArgumentError('no such axis', { op, got, wanted: `axes from ${-rank} to ${rank - 1}` });
}

/** Different axes as non-negative numbers. @throws {@link ArgumentError} for one that does not exist, or comes twice */
export function axesOf(dims: readonly number[], rank: number, op: string): number[] {
  const axes: number[] = [];
  for (const dim of dims) {
    const axis = axisOf(dim, rank, op, `dims ${spell(dims)}`);
    if (axes.includes(axis)) {
      throw new ArgumentError('an axis comes twice', {
        op,
        got: `dims ${spell(dims)}`,
        wanted: `different axes from ${-rank} to ${rank - 1}`,
      });
    }
    axes.push(axis);
  }
  return axes;
}
