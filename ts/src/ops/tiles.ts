/** Sizes of blocked tensors, and how much of one makes a tile. Tiles depend on shapes alone, so that results do not depend on workers. */
import type { Shape } from '../tensor/shape.js';
import type { Layouts } from './descriptor.js';
import type { PaddingMode } from './kernels.js';
import type { Dims, Layout } from './layout.js';

export const LANES = 4;

/** Blocks of four channels. */
export function channelBlocks(c: number): number {
  return Math.ceil(c / LANES);
}

/** Floats that a blocked tensor takes, lanes past C included. */
export function blockedElems([n, c, h, w]: Dims): number {
  return n * channelBlocks(c) * LANES * h * w;
}

/** Bytes that a blocked tensor takes. */
export function blockedBytes(dims: Dims): number {
  return blockedElems(dims) * 4;
}

/** Elements without the lanes past C. */
export function elems([n, c, h, w]: Dims): number {
  return n * c * h * w;
}

/**
 * Floats that a memory-bound tile writes: 512 KB, about 0.2 ms at 5 GB/s. Small enough for slices and for sharing among workers,
 * large enough for the tile counter not to matter.
 */
export const TILE_ELEMS = 131_072;

/** Rows of `rowElems` floats that make a tile. */
export function rowsPerTile(rowElems: number): number {
  return Math.max(1, Math.floor(TILE_ELEMS / rowElems));
}

/** Vectors of four that make a tile. */
export const TILE_VECTORS = TILE_ELEMS / LANES;

/** Pixels of a channel block that make a tile of statistics: 256 KB, read with sums in float64. */
export const CHUNK_PX = 16_384;

/** Numbers of the records' padding mode field. */
export const PADDING_CODES = { zeros: 0, reflect: 1, replicate: 2 } as const satisfies Record<
  PaddingMode,
  number
>;

/** The operand at `index`. @throws RangeError when the caller gave too few: a mistake inside gouache */
export function operandAt(operands: readonly number[], index: number): number {
  const operand = operands[index];
  if (operand === undefined) throw new RangeError(`no operand ${index}`);
  return operand;
}

/** The factoring of a blocked operand. @throws RangeError when it is not blocked: a mistake inside gouache */
export function blockedDims(layout: Layout | null | undefined): Dims {
  if (layout?.kind === 'blocked') return layout.dims;
  throw new RangeError(`${layout?.kind ?? 'no'} operand where a blocked one belongs`);
}

/** The factoring of the first output. */
export function outputDims({ layouts }: { readonly layouts: Layouts }): Dims {
  return blockedDims(layouts.outputs[0]);
}

/** The factoring of the first input. */
export function inputDims({ layouts }: { readonly layouts: Layouts }): Dims {
  return blockedDims(layouts.inputs[0]);
}

/** A picture as it is: N C H W of a shape of four axes. */
export function pictureDims(shape: Shape | null | undefined): Dims {
  const [n = 1, c = 1, h = 1, w = 1] = shape ?? [];
  return [n, c, h, w];
}
