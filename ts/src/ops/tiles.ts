/** Sizes of blocked tensors, and how much of one makes a tile. Tiles depend on shapes alone, so that results do not depend on workers. */
import type { Activation, Dims, PaddingMode } from '../graph/ir.js';
import type { WeightPacking } from './descriptor.js';
import { packBias } from './records.gen.js';

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
const TILE_ELEMS = 131_072;

/** Rows of `rowElems` floats that make a tile. */
export function rowsPerTile(rowElems: number): number {
  return Math.max(1, Math.floor(TILE_ELEMS / rowElems));
}

/** Vectors of four that make a tile. */
export const TILE_VECTORS = TILE_ELEMS / LANES;

/** Pixels of a channel block that make a tile of statistics and normalize: 256 KB, read and written by kernels with float64 or several constants. */
export const CHUNK_PX = 16_384;

/** Numbers of the records' activation field. */
export const ACTIVATION_CODES = { none: 0, relu: 1, tanh: 2 } as const satisfies Record<Activation, number>;

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

/** Blocked dims. @throws RangeError when the operand is raw bytes: a mistake inside gouache */
export function dimsAt(list: readonly (Dims | null)[], index: number): Dims {
  const dims = list[index];
  if (dims === undefined || dims === null) throw new RangeError(`operand ${index} is not blocked`);
  return dims;
}

/** The output's blocked dims. @throws RangeError as {@link dimsAt} */
export function outputDims(shapes: { readonly dims: { readonly output: Dims | null } }): Dims {
  return dimsAt([shapes.dims.output], 0);
}

/** The word of `weights[role]`, 0 (absent) when there is none. */
export function weightAt(weights: Readonly<Record<string, number>>, role: string): number {
  return weights[role] ?? 0;
}

/** A [C] vector, dense, padded to whole vectors of eight as a convolution's bias is. */
export function vectorPacking(role: string, from: string, c: number): WeightPacking {
  const paddedC = Math.ceil(c / 8) * 8;
  return {
    role,
    from: [from],
    key: `vector:${paddedC}`,
    bytes: paddedC * 4,
    records: ([src = 0], y) => [packBias({ src, y, c, paddedC })],
  };
}
