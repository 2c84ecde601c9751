/** Arithmetic on shapes: element counts, spelling, broadcasting. Not here: rules of single operators, and how elements lie in memory. */
import { shown } from '../spell.js';

/** A logical shape, any rank, outermost first. */
export type Shape = readonly number[];

/** Sizes one by one, or in one list, as PyTorch takes both. */
export type Sizes = readonly number[] | readonly [readonly number[]];

/** The list of them. */
export function listOf(sizes: Sizes): readonly number[] {
  const [first] = sizes;
  return (sizes.length === 1 && Array.isArray(first) ? first : sizes) as readonly number[];
}

/** As many as NumPy and most of PyTorch's operators take. */
const MOST_AXES = 64;

/** Whether this is a list of whole numbers, none below `least`. */
export function isShape(shape: unknown, least: 0 | 1): shape is Shape {
  if (!Array.isArray(shape) || shape.length > MOST_AXES) return false;
  // Spread, because `every` passes over the holes of a list.
  return [...shape].every((size) => Number.isSafeInteger(size) && size >= least);
}

/** Number of elements; 1 for a scalar's shape `[]`. */
export function numel(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** As PyTorch prints it: `[1, 3, 256, 256]`. What is no shape is spelled like any value. */
export function spell(shape: Shape): string {
  return isShape(shape, 0) ? `[${shape.join(', ')}]` : shown(shape);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Sizes of which one may be -1, as the shape of so many elements; null where they are none. */
export function inferredShape(sizes: readonly number[], elements: number): Shape | null {
  const known = sizes.filter((size) => size !== -1);
  if (!isShape(known, 0) || sizes.length - known.length > 1) return null;
  const shape = sizes.map((size) => (size === -1 ? elements / numel(known) : size));
  return isShape(shape, 0) && numel(shape) === elements ? shape : null;
}

/** Row-major strides in elements. */
export function denseStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  }
  return strides;
}

/** The shape both broadcast to by NumPy's rule, or null where they do not. */
export function broadcast(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    result.push(x === 1 ? y : x);
  }
  return result;
}
