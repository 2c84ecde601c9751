/** How a value's elements lie in memory, and when two layouts are the same bytes. */

import type { Dims, Shape } from '../graph/ir.js';
import { numel } from '../tensor/shape.js';
import { blockedBytes, LANES } from './tiles.js';

export type Layout =
  /** NCHW4c under a factoring. */
  | { readonly kind: 'blocked'; readonly dims: Dims }
  /** Dense row-major float32. */
  | { readonly kind: 'planar'; readonly elems: number }
  /** Bytes as the caller gave them. */
  | { readonly kind: 'raw'; readonly bytes: number };

export function planar(shape: Shape): Layout {
  return { kind: 'planar', elems: numel(shape) };
}

export function blocked(dims: Dims): Layout {
  return { kind: 'blocked', dims };
}

export function layoutBytes(layout: Layout): number {
  switch (layout.kind) {
    case 'blocked':
      return blockedBytes(layout.dims);
    case 'planar':
      return layout.elems * 4;
    case 'raw':
      return layout.bytes;
  }
}

/**
 * Whether the elements of one value under `a` and under `b` are the same bytes. H and W may be split differently; so may N and C where no block of
 * four is cut.
 */
export function sameBytes(a: Layout, b: Layout): boolean {
  if (a.kind !== 'blocked' || b.kind !== 'blocked') return a.kind === b.kind;
  const [aN, aC, aH, aW] = a.dims;
  const [bN, bC, bH, bW] = b.dims;
  if (aH * aW !== bH * bW) return false;
  const wholeBlocks = aC % LANES === 0 && bC % LANES === 0;
  return (aN === bN && aC === bC) || (wholeBlocks && aN * aC === bN * bC);
}

export function printLayout(layout: Layout): string {
  switch (layout.kind) {
    case 'blocked':
      return `blocked ${layout.dims.join('x')}`;
    case 'planar':
      return 'planar';
    case 'raw':
      return 'bytes';
  }
}
