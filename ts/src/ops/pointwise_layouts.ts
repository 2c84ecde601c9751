/** Layouts of what works element by element: any will do, as long as all operands have the same one. */
import type { Shape } from '../tensor/shape.js';
import { canonicalDims } from './factor.js';
import { blocked, dense, type Layout } from './layout.js';

/** Dense where a blocked value would be mostly empty lanes, or its rows no picture's: short ranks. */
const LEAST_BLOCKED_RANK = 4;

/** How a value of this shape lies where nobody has laid it out yet. */
export function freshLayout(shape: Shape): Layout {
  return shape.length >= LEAST_BLOCKED_RANK ? blocked(canonicalDims(shape)) : dense(shape);
}

/** The layout to keep: of the first operand that has one in elements. */
export function keptLayout(current: readonly (Layout | null)[], shape: Shape): Layout {
  const lies = current.find((layout) => layout?.kind === 'blocked' || layout?.kind === 'dense');
  return lies ?? freshLayout(shape);
}
