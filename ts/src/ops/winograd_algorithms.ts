/**
 * The algorithms of conv_winograd: their sizes, their limits, and what they cost. A square is what an algorithm computes at once; the sizes here must
 * be those of crates/kernels/src/micro/winograd/algorithms.rs.
 */

import { packingOf, pixelElems } from './conv_tiles.js';
import type { WinogradAlgorithm } from './kernels.js';
import { channelBlocks, LANES } from './tiles.js';

/** Along one axis. */
export interface Axis {
  /** Results of a square. */
  readonly tile: number;
  /** Inputs from one square to the next. */
  readonly step: number;
  /** Inputs under a square. */
  readonly patch: number;
  readonly points: number;
  /** Points with weights of their own. */
  readonly weightPoints: number;
  /** Taps of a block of the kernel. */
  readonly taps: number;
}

export interface Algorithm {
  /** Number of the record's field. */
  readonly code: number;
  /** Down the columns. */
  readonly vertical: Axis;
  /** Along the rows. */
  readonly horizontal: Axis;
  /**
   * The most channels x blocks that are summed: the error grows with their root, and 2e-6 of the results' standard deviation (rms) is promised.
   * Measured by crates/kernels/src/ops/conv_winograd/tests.rs.
   */
  readonly mostTerms: number;
  /** Where outputs are few, four lanes and each row of blocks are summed apart: the most channels x taps of a row of the kernel, and of all. */
  readonly mostTermsOfFew?: { readonly row: number; readonly all: number };
  /** Multiply-adds that could be done while one channel of a square is transformed: of its inputs, of its results. */
  readonly input: number;
  readonly output: number;
}

/** `tile` results of `taps` taps, 1 input apart. */
const plain = (tile: number, taps: number): Axis => ({
  tile,
  step: tile,
  patch: tile + taps - 1,
  points: tile + taps - 1,
  weightPoints: tile + taps - 1,
  taps,
});

const STRIDE_2: Axis = { tile: 4, step: 8, patch: 9, points: 9, weightPoints: 6, taps: 3 };
const TRANSPOSED_2: Axis = { tile: 8, step: 4, patch: 5, points: 9, weightPoints: 6, taps: 3 };

export const ALGORITHMS = {
  'F(4x4, 3x3)': {
    code: 0,
    vertical: plain(4, 3),
    horizontal: plain(4, 3),
    mostTerms: 256,
    input: 250,
    output: 180,
  },
  'F(3x3, 3x3)': {
    code: 1,
    vertical: plain(3, 3),
    horizontal: plain(3, 3),
    mostTerms: 1024,
    input: 180,
    output: 130,
  },
  'F(4x4, 4x4)': {
    code: 2,
    vertical: plain(4, 4),
    horizontal: plain(4, 4),
    mostTerms: 40,
    mostTermsOfFew: { row: 128 * 7, all: 128 * 7 * 7 },
    input: 450,
    output: 300,
  },
  'F(4x4, 3x3) / 2': {
    code: 3,
    vertical: STRIDE_2,
    horizontal: STRIDE_2,
    mostTerms: 1024,
    input: 450,
    output: 400,
  },
  'F(8x8, 3x3) * 2': {
    code: 4,
    vertical: TRANSPOSED_2,
    horizontal: TRANSPOSED_2,
    mostTerms: 1024,
    input: 350,
    output: 500,
  },
  'F(4x5, 3x3)': {
    code: 5,
    vertical: plain(4, 3),
    horizontal: plain(5, 3),
    mostTerms: 160,
    input: 310,
    output: 220,
  },
  'F(5x3, 5x3)': {
    code: 6,
    vertical: plain(5, 5),
    horizontal: plain(3, 3),
    // For few outputs alone, a network's last layer: in its first one, the errors of all that follows would be twice as large.
    mostTerms: 0,
    mostTermsOfFew: { row: 48 * 9, all: 48 * 9 * 9 },
    input: 380,
    output: 260,
  },
} as const satisfies Record<WinogradAlgorithm, Algorithm>;

/** Squares that cover so many results, rows and columns of them. */
export function squaresOf({ vertical, horizontal }: Algorithm, rows: number, cols: number): [number, number] {
  return [Math.ceil(rows / vertical.tile), Math.ceil(cols / horizontal.tile)];
}

/** Blocks that the kernel is cut into, rows and columns of them. */
export function blocksOf({ vertical, horizontal }: Algorithm, kh: number, kw: number): [number, number] {
  return [Math.ceil(kh / vertical.taps), Math.ceil(kw / horizontal.taps)];
}

/** Products of a square. */
export const pointsOf = ({ vertical, horizontal }: Algorithm): number => vertical.points * horizontal.points;

/** A convolution as an algorithm sees it. */
export interface WinogradWork {
  readonly algorithm: WinogradAlgorithm;
  readonly samples: number;
  /** Results. */
  readonly rows: number;
  readonly cols: number;
  readonly c: number;
  readonly o: number;
  readonly kh: number;
  readonly kw: number;
}

/** Outputs that are multiplied. */
export const multiplied = (o: number, packing: 0 | 1): number =>
  packing === 1 ? o : channelBlocks(o) * LANES;

/** Whether one layer stays within 2e-6. */
export function keepsPrecision(work: WinogradWork): boolean {
  const { c, kh, kw } = work;
  const algorithm: Algorithm = ALGORITHMS[work.algorithm];
  const { mostTerms, mostTermsOfFew } = algorithm;
  if (mostTermsOfFew !== undefined && packingOf(work) === 1)
    return c * kw <= mostTermsOfFew.row && c * kh * kw <= mostTermsOfFew.all;
  const [blocksH, blocksW] = blocksOf(algorithm, kh, kw);
  return c * blocksH * blocksW <= mostTerms;
}

/** Transformed weights of so many outputs, as multiplied. */
export function transformedElems(
  algorithm: Algorithm,
  { c, kh, kw }: Pick<WinogradWork, 'c' | 'kh' | 'kw'>,
  outputs: number,
): number {
  const [blocksH, blocksW] = blocksOf(algorithm, kh, kw);
  const { vertical, horizontal } = algorithm;
  return outputs * pixelElems(c) * blocksH * blocksW * vertical.weightPoints * horizontal.weightPoints;
}

/** Bytes of the transformed weights. */
export function transformedBytes(work: Pick<WinogradWork, 'algorithm' | 'c' | 'o' | 'kh' | 'kw'>): number {
  return transformedElems(ALGORITHMS[work.algorithm], work, multiplied(work.o, packingOf(work))) * 4;
}
