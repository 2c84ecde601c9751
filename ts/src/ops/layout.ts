/** How a value's elements lie in memory, and when two layouts are the same bytes. */
import { numel, type Shape } from '../tensor/shape.js';
import type { Operand, RecordWords } from './descriptor.js';
import { packBias } from './records.gen.js';
import { blockedBytes, LANES } from './tiles.js';

/** A shape in memory: N C H W, in elements. */
export type Dims = readonly [n: number, c: number, h: number, w: number];

/** The form of a weight that one kernel reads. */
export interface Packing {
  /** Equal values of equal keys share one copy. Holds every number that the form depends on. */
  readonly key: string;
  readonly bytes: number;
  /** From dense row-major float32. */
  records(source: Operand, destination: Operand): readonly RecordWords[];
}

export type Layout =
  /** NCHW4c under a factoring of the elements in row-major order. */
  | { readonly kind: 'blocked'; readonly dims: Dims }
  /** Dense row-major float32. */
  | { readonly kind: 'dense'; readonly elems: number }
  /** What only kernels know: pixels as the caller gave them, constants, moments. */
  | { readonly kind: 'raw'; readonly bytes: number }
  | { readonly kind: 'packed'; readonly packing: Packing };

export function dense(shape: Shape): Layout {
  return { kind: 'dense', elems: numel(shape) };
}

export function blocked(dims: Dims): Layout {
  return { kind: 'blocked', dims };
}

export function raw(bytes: number): Layout {
  return { kind: 'raw', bytes };
}

export function packed(packing: Packing): Layout {
  return { kind: 'packed', packing };
}

/** A [C] vector, padded to whole vectors of eight as a convolution's bias is; null where there is none. */
export function vectorLayout(shape: Shape | null | undefined): Layout | null {
  if (shape === null || shape === undefined) return null;
  const c = shape[0] ?? 1;
  const paddedC = Math.ceil(c / 8) * 8;
  return packed({
    key: `vector:${paddedC}`,
    bytes: paddedC * 4,
    records: (src, y) => [packBias({ src, y, c, paddedC })],
  });
}

export function layoutBytes(layout: Layout): number {
  switch (layout.kind) {
    case 'blocked':
      return blockedBytes(layout.dims);
    case 'dense':
      return layout.elems * 4;
    case 'raw':
      return layout.bytes;
    case 'packed':
      return layout.packing.bytes;
  }
}

/**
 * Whether the elements of one value under `a` and under `b` are the same bytes. H and W may be split differently; so may N and C where no block of
 * four is cut.
 */
export function sameBytes(a: Layout, b: Layout): boolean {
  if (a.kind === 'packed' && b.kind === 'packed') return a.packing.key === b.packing.key;
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
    case 'dense':
      return 'dense';
    case 'raw':
      return 'bytes';
    case 'packed':
      return `packed ${layout.packing.key}`;
  }
}
