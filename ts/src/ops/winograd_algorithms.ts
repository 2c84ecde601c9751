/**
 * The algorithms of conv_winograd: their sizes, their limits, and what they cost. A square is what an algorithm computes at once; the sizes here must
 * be those of crates/kernels/src/micro/winograd/algorithms.rs.
 */
import type { WinogradAlgorithm } from '../graph/ir.js';
import { packingOf, pixelElems } from './conv_tiles.js';
import { channelBlocks, LANES } from './tiles.js';

/** Along one axis. */
export interface Algorithm {
  /** Number of the record's field. */
  readonly code: number;
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

export const ALGORITHMS = {
  'F(4x4, 3x3)': {
    code: 0,
    tile: 4,
    step: 4,
    patch: 6,
    points: 6,
    weightPoints: 6,
    taps: 3,
    mostTerms: 256,
    input: 250,
    output: 180,
  },
  'F(3x3, 3x3)': {
    code: 1,
    tile: 3,
    step: 3,
    patch: 5,
    points: 5,
    weightPoints: 5,
    taps: 3,
    mostTerms: 1024,
    input: 180,
    output: 130,
  },
  'F(4x4, 4x4)': {
    code: 2,
    tile: 4,
    step: 4,
    patch: 7,
    points: 7,
    weightPoints: 7,
    taps: 4,
    mostTerms: 16,
    mostTermsOfFew: { row: 64 * 7, all: 64 * 7 * 7 },
    input: 450,
    output: 300,
  },
  'F(4x4, 3x3) / 2': {
    code: 3,
    tile: 4,
    step: 8,
    patch: 9,
    points: 9,
    weightPoints: 6,
    taps: 3,
    mostTerms: 1024,
    input: 450,
    output: 400,
  },
  'F(8x8, 3x3) * 2': {
    code: 4,
    tile: 8,
    step: 4,
    patch: 5,
    points: 9,
    weightPoints: 6,
    taps: 3,
    mostTerms: 1024,
    input: 350,
    output: 500,
  },
} as const satisfies Record<WinogradAlgorithm, Algorithm>;

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
  const { taps, mostTerms, mostTermsOfFew }: Algorithm = ALGORITHMS[work.algorithm];
  if (mostTermsOfFew !== undefined && packingOf(work) === 1)
    return c * kw <= mostTermsOfFew.row && c * kh * kw <= mostTermsOfFew.all;
  return c * Math.ceil(kh / taps) * Math.ceil(kw / taps) <= mostTerms;
}

/** Bytes of the transformed weights. */
export function transformedBytes(work: Pick<WinogradWork, 'algorithm' | 'c' | 'o' | 'kh' | 'kw'>): number {
  const { algorithm, c, o, kh, kw } = work;
  const { taps, weightPoints } = ALGORITHMS[algorithm];
  const blocks = Math.ceil(kh / taps) * Math.ceil(kw / taps);
  return multiplied(o, packingOf(work)) * pixelElems(c) * blocks * weightPoints ** 2 * 4;
}
