/** Factorings of a value's elements into N C H W. */
import { UnsupportedError } from '../errors.js';
import { numel, type Shape, spell } from '../tensor/shape.js';
import type { Dims } from './layout.js';

/** Tiles are made of whole rows: one of a picture's width costs some microseconds, one of a whole picture viewed as a row would not. */
const LONG_ROW_ELEMS = 16_384;
/** Rows shorter than this cost more than they spare. */
const SHORT_ROW_ELEMS = 64;

/** A long row as rows and columns in the same order; [1, `elems`] where it is not long, or has no suitable divisor. */
export function splitRow(elems: number): readonly [rows: number, columns: number] {
  if (elems > LONG_ROW_ELEMS) {
    for (let columns = LONG_ROW_ELEMS; columns >= SHORT_ROW_ELEMS; columns--)
      if (elems % columns === 0) return [elems / columns, columns];
  }
  return [1, elems];
}

/** A shape of four axes or more as N C H W: leading axes are merged. */
export function canonicalDims(shape: Shape): Dims {
  const [c = 1, h = 1, w = 1] = shape.slice(-3);
  return [numel(shape.slice(0, -3)), c, h, w];
}

/**
 * Merges neighbouring axes that `tags` does not tell apart until at most four groups are left (axes of size 1 join either side); where there
 * are fewer, a long last one is split.
 * @returns the sizes of the groups, outermost first, and each group's tag.
 * @throws {@link UnsupportedError} where more than four groups are needed.
 */
export function mergeAxes(
  shape: Shape,
  tags: readonly string[],
  op: string,
): { sizes: number[]; tags: string[] } {
  const sizes: number[] = [];
  const merged: string[] = [];
  shape.forEach((size, axis) => {
    const tag = tags[axis] ?? '';
    const last = merged.length - 1;
    if (shape.length > 4 && size === 1) return;
    if (shape.length > 4 && last >= 0 && merged[last] === tag) sizes[last] = (sizes[last] ?? 1) * size;
    else {
      sizes.push(size);
      merged.push(tag);
    }
  });
  if (sizes.length > 4) {
    throw new UnsupportedError('more than four groups of axes', {
      op,
      got: `shape ${spell(shape)}`,
      wanted: 'axes that merge into at most four',
      hint: 'Use view to merge axes first.',
    });
  }
  const [rows, columns] = splitRow(sizes.at(-1) ?? 1);
  if (rows > 1 && sizes.length < 4) {
    sizes.splice(-1, 1, rows, columns);
    merged.push(merged.at(-1) ?? '');
  }
  return { sizes, tags: merged };
}
