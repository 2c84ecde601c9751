/**
 * How the work of conv_winograd is divided: what a tile is, and which outputs' products lie in scratch together. Scratch must be what
 * crates/kernels/src/ops/conv_winograd.rs checks. Nothing here knows how many workers there are, since moments are merged by tile: bits must not
 * depend on it.
 */
import { PANEL_OUTPUTS, packingOf, pixelElems } from './conv_tiles.js';
import { channelBlocks, LANES } from './tiles.js';
import {
  ALGORITHMS,
  type Algorithm,
  type Axis,
  blocksOf,
  multiplied,
  pointsOf,
  squaresOf,
  transformedElems,
  type WinogradWork,
} from './winograd_algorithms.js';

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
  /** Multiply-adds that could be done in the time of the whole on one worker, without what tiles wait for memory: to be compared with other algorithms. */
  readonly cost: number;
}

/** Floats between points, a cache line: the kernel checks it. */
const GAP_ELEMS = 16;
/** Channel blocks that are staged together. */
const BLOCKS_TOGETHER = 4;
/** Register tiles are 6 or 4 squares wide, as the build has it. */
const REGISTER_SQUARES = 6;
/**
 * What stays in a core's second cache (2 MB): all weights, if no more than the first; while others pass through, a tile's inputs, staged and transformed,
 * if no more than the second; these, and the weights and products of a group of outputs, if no more than the third.
 */
const WEIGHTS_CACHED = 0.75 * 2 ** 20;
const POINTS_CACHED = 1.2 * 2 ** 20;
const ALL_CACHED = 1.4 * 2 ** 20;
/** The most bytes of a tile's transformed inputs, and of the products that lie in scratch together. */
const POINTS_BYTES = 2 ** 21;
const PRODUCT_BYTES = 2 ** 19;
/** 5 ms at 25 GFLOP/s, 2 ms at 62: the most that a tile should cost. */
const MOST_MULTIPLIES = 62e6;
/** Steps that could be done while a register tile is begun and ended. */
const TILE_STEPS = 6;
/** Multiply-adds that could be done while a tile reads a number: from a cache, and from beyond the second one. */
const READ = {
  /** Each is met once a tile. */
  weight: { cached: 3, far: 10 },
  /** Met again by each group of outputs. */
  point: { cached: 0.15, far: 3 },
  /** Written, then read. */
  product: { cached: 0, far: 2 },
};
/** Numbers of workers that the tiles should keep busy: whatever the number, there is one division. */
const WORKERS = [1, 2, 4];
/** The most tiles that are laid out on workers to see how long they take. */
const MOST_SCHEDULED = 256;
/** Steps that could be done while a row of a nested kernel's squares is begun, the register tiles' own apart. */
const ROW_STEPS = 8;
/** What a tile that fills the second cache loses of its time, because others' lines are there too. */
const CROWDED = 0.06;
const CACHE_BYTES = 2 ** 21;
/** Multiply-adds that could be done while a row of pixels of four channels is begun, read or written: it lies in a page of its own, whose address is found anew. */
const ROW_BEGUN = 600;
/** Most squares along one axis of a tile. */
const MOST_SIDE = 128;

/** Multiply-adds that could be done meanwhile. */
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

/** Cost until the last tile is done, times workers: the mean of 1, 2 and 4 workers, each of which takes the next tile when it is free. */
function timeOf(tiles: readonly number[]): number {
  const times = WORKERS.map((workers) => {
    const free = new Array<number>(workers).fill(0);
    for (const cost of tiles) {
      const first = free.indexOf(Math.min(...free));
      free[first] = (free[first] ?? 0) + cost;
    }
    return workers * Math.max(...free);
  });
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

/** Divisions that are kept: more than a network has different convolutions. */
const MOST_KNOWN = 256;
const known = new Map<string, Division>();

/**
 * The division, among those within the bounds, that takes the least time. Every stage of a compile asks for it, and looking makes megabytes of
 * garbage: what was found is kept.
 */
export function divide(work: WinogradWork): Division {
  const { algorithm, samples, rows, cols, c, o, kh, kw } = work;
  const key = [algorithm, samples, rows, cols, c, o, kh, kw].join();
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  if (known.size >= MOST_KNOWN) known.clear();
  const found = search(work);
  known.set(key, found);
  return found;
}

function search(work: WinogradWork): Division {
  const { samples, c, o, kh, kw } = work;
  const algorithm: Algorithm = ALGORITHMS[work.algorithm];
  const packing = packingOf(work);
  const { vertical, horizontal } = algorithm;
  const [blocksH, blocksW] = blocksOf(algorithm, kh, kw);
  const [allRows, allCols] = squaresOf(algorithm, work.rows, work.cols);
  const channels = pixelElems(c);
  const steps = blocksH * blocksW * channels;
  const points = pointsOf(algorithm);
  const outputs = multiplied(o, packing);
  const panels = Math.ceil(o / PANEL_OUTPUTS);
  const oneBlock = blocksH * blocksW === 1;

  const inputSquares = (rows: number, cols: number): number => (rows + blocksH - 1) * (cols + blocksW - 1);
  /** Of a point. Fewer than four channels are stored with those of the squares below, and the lanes that are none are written too. */
  const pointElems = (rows: number, cols: number): number =>
    channels < LANES
      ? rows * ((cols + blocksW - 1) * blocksH * channels + LANES)
      : inputSquares(rows, cols) * channels;
  const px = (axis: Axis, squares: number, blocks: number): number =>
    (squares + blocks - 2) * axis.step + axis.patch;
  const stagedElems = (rows: number, cols: number): number =>
    Math.min(BLOCKS_TOGETHER, channelBlocks(c)) *
    px(vertical, rows, blocksH) *
    px(horizontal, cols, blocksW) *
    LANES;
  const weightElems = (of: number): number => transformedElems(algorithm, work, of);
  const tileCost = (rows: number, cols: number, tileOutputs: number, groupO: number): TileCost => {
    const squares = rows * cols;
    const [lines, length] = oneBlock ? [1, squares] : [rows, cols];
    // A product of three pixels ends with sums over lanes, one of six does not.
    const perRow =
      packing === 1
        ? length * steps + Math.ceil(length / 3) * 3 * TILE_STEPS * LANES
        : length * steps + (Math.ceil(length / REGISTER_SQUARES) * TILE_STEPS + ROW_STEPS) * REGISTER_SQUARES;
    const transforms =
      inputSquares(rows, cols) * channelBlocks(c) * LANES * algorithm.input +
      squares * channelBlocks(tileOutputs) * LANES * algorithm.output;
    const multiplies = points * lines * perRow * tileOutputs + transforms;
    const inputElems = points * pointElems(rows, cols);
    const productElems = points * squares * Math.min(groupO, tileOutputs);
    const groups = Math.ceil(tileOutputs / groupO);
    const weights = weightElems(tileOutputs);
    const ofGroup = weightElems(Math.min(groupO, tileOutputs)) + productElems;
    const place = (elems: number, cached: number): 'cached' | 'far' =>
      elems * 4 > cached ? 'far' : 'cached';
    const waits =
      weights * READ.weight[place(weights, WEIGHTS_CACHED)] +
      inputElems * groups * READ.point[place(inputElems + stagedElems(rows, cols), POINTS_CACHED)] +
      productElems * groups * READ.product[place(inputElems + ofGroup, ALL_CACHED)];
    const crowded = (multiplies * CROWDED * (inputElems + productElems) * 4) / CACHE_BYTES;
    const begun =
      (px(vertical, rows, blocksH) * channelBlocks(c) + rows * vertical.tile * channelBlocks(tileOutputs)) *
      ROW_BEGUN;
    return { multiplies, all: multiplies + waits + crowded + begun };
  };
  /** The best number of outputs whose products lie in scratch together. */
  const groupOf = (rows: number, cols: number, tileO: number): number => {
    const most = Math.floor(PRODUCT_BYTES / (points * rows * cols * 4) / PANEL_OUTPUTS) * PANEL_OUTPUTS;
    let [best, least] = [PANEL_OUTPUTS, Number.POSITIVE_INFINITY];
    for (let groupO = PANEL_OUTPUTS; groupO <= Math.min(tileO, Math.max(most, PANEL_OUTPUTS)); groupO *= 2) {
      const { all } = tileCost(rows, cols, Math.min(tileO, outputs), groupO);
      if (all < least) [best, least] = [groupO, all];
    }
    return best;
  };

  let best: Division | null = null;
  let leastCost = Number.POSITIVE_INFINITY;
  const consider = (tileRows: number, tileCols: number, mayPart: boolean): void => {
    const whole = tileCost(tileRows, tileCols, outputs, PANEL_OUTPUTS);
    // Outputs that are too many for one tile make parts, each of which transforms the inputs anew, which costs more than small tiles do.
    const mostPanels = Math.max(1, Math.floor((panels * MOST_MULTIPLIES) / whole.multiplies));
    const tileO = Math.ceil(panels / Math.ceil(panels / mostPanels)) * PANEL_OUTPUTS;
    if (tileO < outputs && !mayPart) return;
    const groupO = groupOf(tileRows, tileCols, tileO);
    const smallest = tileRows === 1 && tileCols === 1;
    const part = tileCost(tileRows, tileCols, Math.min(tileO, outputs), groupO);
    const pointBytes = points * pointElems(tileRows, tileCols) * 4;
    if (!smallest && (pointBytes > POINTS_BYTES || part.multiplies > MOST_MULTIPLIES)) return;
    // [how many, each] of a strip, in the order in which workers take them.
    const strip = (rows: number): (readonly [number, TileCost])[] =>
      parts(allCols, tileCols).flatMap(([across, cols]) =>
        parts(outputs, Math.min(tileO, outputs)).map(
          ([deep, depth]) => [across * deep, tileCost(rows, cols, depth, groupO)] as const,
        ),
      );
    const strips = parts(allRows, tileRows).map(([down, rows]) => ({
      down: samples * down,
      tiles: strip(rows),
    }));
    const sum = (of: (tile: TileCost) => number): number =>
      strips.reduce(
        (sum, { down, tiles }) => tiles.reduce((sum, [many, each]) => sum + down * many * of(each), sum),
        0,
      );
    const all = sum((tile) => tile.all);
    if (all >= leastCost) return;
    const inOrder = (): number[] =>
      strips.flatMap(({ down, tiles }) =>
        Array.from({ length: down }, () =>
          tiles.flatMap(([many, each]) => new Array<number>(many).fill(each.all)),
        ).flat(),
      );
    // Of many tiles, the last one is all that is waited for.
    const balanced = sum(() => 1) > MOST_SCHEDULED ? all + part.all / 2 : timeOf(inOrder());
    if (balanced >= leastCost) return;
    leastCost = balanced;
    const squares = tileRows * tileCols;
    const inputs = pointElems(tileRows, tileCols) + GAP_ELEMS;
    const products = squares * groupO;
    best = {
      blocksH,
      blocksW,
      packing,
      tileRows,
      tileCols,
      groupO,
      tileO,
      scratchBytes:
        Math.ceil(stagedElems(tileRows, tileCols) / LANES + (points * (inputs + products)) / LANES) *
        LANES *
        4,
      cost: sum((tile) => tile.multiplies) + weightElems(outputs) * READ.weight.cached,
    };
  };
  for (const mayPart of [false, true]) {
    if (best !== null) break;
    for (const tileCols of sides(allCols))
      for (const tileRows of sides(allRows)) consider(tileRows, tileCols, mayPart);
  }
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
