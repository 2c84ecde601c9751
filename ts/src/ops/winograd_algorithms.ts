/**
 * What conv_winograd plans with: the sizes of its algorithms, and how its work is divided. A square is what an algorithm computes at once; the sizes
 * here must be those of crates/kernels/src/micro/winograd/algorithms.rs, and scratch what crates/kernels/src/ops/conv_winograd.rs checks.
 */
import type { WinogradAlgorithm } from '../graph/ir.js';
import { PANEL_OUTPUTS, packingOf, pixelElems } from './conv_tiles.js';
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

export interface Division {
  readonly blocksH: number;
  readonly blocksW: number;
  /** 1: input channels in the lanes, for few outputs. */
  readonly packing: 0 | 1;
  /** Squares a tile. */
  readonly tileRows: number;
  readonly tileCols: number;
  readonly groupO: number;
  readonly tileO: number;
  readonly scratchBytes: number;
  /** Multiply-adds that could be done in the time of the whole. */
  readonly cost: number;
}

/** Floats between points, a cache line: the kernel checks it. */
const GAP_ELEMS = 16;
/** Channel blocks that are staged together. */
const BLOCKS_TOGETHER = 4;
/** Register tiles are 6 or 4 squares wide, as the build has it. */
const REGISTER_SQUARES = 6;
/** The most bytes of a tile's transformed inputs: they stay in a second-level cache. */
const POINTS_BYTES = 2 ** 20;
/** The bytes of products that lie in scratch together. */
const PRODUCT_BYTES = 2 ** 18;
/** 4.6 ms at 25 GFLOP/s, 2 ms at 57: the most that a tile should cost. */
const MOST_MULTIPLIES = 62e6;
/** Steps that could be done while a register tile is begun and ended. */
const TILE_STEPS = 6;
/** Multiply-adds that could be done while a weight is read for a tile. */
const READ = 3;
/** Most squares along one axis of a tile. */
const MOST_SIDE = 64;

/** Outputs that are multiplied. */
const multiplied = (o: number, packing: 0 | 1): number => (packing === 1 ? o : channelBlocks(o) * LANES);

/** Channels x blocks of taps that are summed at each point. */
export function terms({ algorithm, c, kh, kw }: WinogradWork): number {
  const { taps } = ALGORITHMS[algorithm];
  return c * Math.ceil(kh / taps) * Math.ceil(kw / taps);
}

/** Bytes of the transformed weights. */
export function transformedBytes(work: Pick<WinogradWork, 'algorithm' | 'c' | 'o' | 'kh' | 'kw'>): number {
  const { algorithm, c, o, kh, kw } = work;
  const { taps, weightPoints } = ALGORITHMS[algorithm];
  const blocks = Math.ceil(kh / taps) * Math.ceil(kw / taps);
  return multiplied(o, packingOf(work)) * pixelElems(c) * blocks * weightPoints ** 2 * 4;
}

interface TileCost {
  readonly multiplies: number;
  readonly all: number;
}

/** How many tiles of `size` cover `all`, and what is left for the last: [tiles, size] pairs. */
function parts(all: number, size: number): readonly (readonly [number, number])[] {
  const whole = Math.floor(all / size);
  const rest = all - whole * size;
  return rest === 0
    ? [[whole, size]]
    : [
        [whole, size],
        [1, rest],
      ];
}

/** The division, among those within the bounds, with the least cost, a last tile that others wait for counted in. */
export function divide(work: WinogradWork): Division {
  const { samples, c, o, kh, kw } = work;
  const algorithm: Algorithm = ALGORITHMS[work.algorithm];
  const packing = packingOf(work);
  const [blocksH, blocksW] = [Math.ceil(kh / algorithm.taps), Math.ceil(kw / algorithm.taps)];
  const [allRows, allCols] = [Math.ceil(work.rows / algorithm.tile), Math.ceil(work.cols / algorithm.tile)];
  const channels = pixelElems(c);
  const steps = blocksH * blocksW * channels;
  const points = algorithm.points ** 2;
  const outputs = multiplied(o, packing);
  const panels = Math.ceil(o / PANEL_OUTPUTS);
  const oneBlock = blocksH * blocksW === 1;

  const inputSquares = (rows: number, cols: number): number => (rows + blocksH - 1) * (cols + blocksW - 1);
  const tileCost = (rows: number, cols: number, tileOutputs: number): TileCost => {
    const squares = rows * cols;
    const [lines, length] = oneBlock ? [1, squares] : [rows, cols];
    // A product of three pixels ends with sums over lanes, one of six does not.
    const perRow =
      packing === 1
        ? length * steps + Math.ceil(length / 3) * 3 * TILE_STEPS * LANES
        : length * steps + Math.ceil(length / REGISTER_SQUARES) * REGISTER_SQUARES * TILE_STEPS;
    const multiplies = points * lines * perRow * tileOutputs;
    const transforms =
      inputSquares(rows, cols) * channelBlocks(c) * LANES * algorithm.input +
      squares * channelBlocks(tileOutputs) * LANES * algorithm.output;
    const weights = algorithm.weightPoints ** 2 * steps * tileOutputs * READ;
    return { multiplies: multiplies + transforms, all: multiplies + transforms + weights };
  };

  let best: Division | null = null;
  let leastCost = Number.POSITIVE_INFINITY;
  const consider = (tileRows: number, tileCols: number): void => {
    const whole = tileCost(tileRows, tileCols, outputs);
    // Outputs that are too many for one tile make parts, each of which transforms the inputs anew.
    const mostPanels = Math.max(1, Math.floor((panels * MOST_MULTIPLIES) / whole.multiplies));
    const tileO = Math.ceil(panels / Math.ceil(panels / mostPanels)) * PANEL_OUTPUTS;
    const smallest = tileRows === 1 && tileCols === 1;
    const part = tileCost(tileRows, tileCols, Math.min(tileO, outputs));
    const pointBytes = points * inputSquares(tileRows, tileCols) * channels * 4;
    if (!smallest && (pointBytes > POINTS_BYTES || part.multiplies > MOST_MULTIPLIES)) return;
    // Workers that find no more tiles wait for the last one: half of it, on the average.
    const wait = part.all / 2;
    let sum = wait;
    for (const [tilesDown, rows] of parts(allRows, tileRows)) {
      for (const [tilesAcross, cols] of parts(allCols, tileCols)) {
        for (const [tilesDeep, depth] of parts(outputs, Math.min(tileO, outputs)))
          sum += samples * tilesDown * tilesAcross * tilesDeep * tileCost(rows, cols, depth).all;
      }
    }
    if (sum >= leastCost) return;
    leastCost = sum;
    const squares = tileRows * tileCols;
    const mostGroup = Math.floor(PRODUCT_BYTES / (points * squares * 4) / PANEL_OUTPUTS) * PANEL_OUTPUTS;
    const groupO = Math.min(tileO, Math.max(PANEL_OUTPUTS, mostGroup));
    const px = (squares: number, blocks: number): number =>
      (squares + blocks - 2) * algorithm.step + algorithm.patch;
    const staged =
      Math.min(BLOCKS_TOGETHER, channelBlocks(c)) * px(tileRows, blocksH) * px(tileCols, blocksW) * LANES;
    const inputs = inputSquares(tileRows, tileCols) * channels + GAP_ELEMS;
    const products = squares * groupO;
    best = {
      blocksH,
      blocksW,
      packing,
      tileRows,
      tileCols,
      groupO,
      tileO,
      scratchBytes: Math.ceil(staged / LANES + (points * (inputs + products)) / LANES) * LANES * 4,
      cost: sum - wait,
    };
  };
  for (const tileCols of sides(allCols)) for (const tileRows of sides(allRows)) consider(tileRows, tileCols);
  if (best === null) throw new RangeError('conv_winograd: one square is always possible');
  return best;
}

/** Sizes that cut `all` into nearly equal parts. */
function sides(all: number): number[] {
  const found = new Set<number>();
  const least = Math.ceil(all / MOST_SIDE);
  for (let count = least; count <= least + MOST_SIDE; count++) found.add(Math.max(1, Math.ceil(all / count)));
  found.add(1);
  return [...found];
}
