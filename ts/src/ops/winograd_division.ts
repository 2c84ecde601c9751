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

const place = (elems: number, cached_bytes: number): 'cached' | 'far' =>
  elems * 4 > cached_bytes ? 'far' : 'cached';

// Looking for a division goes through hundreds of them: it makes no arrays or objects on the way, since young garbage makes V8's heap grow.

/** Costs of tiles in the order in which workers take them, and when each worker is free. */
const queue = new Float64Array(MOST_SCHEDULED);
const free = new Float64Array(Math.max(...WORKERS));

/** Cost until the last of the first `tiles` of the queue is done, times workers: the mean of 1, 2 and 4 workers, each of which takes the next tile when it is free. */
function timeOf(tiles: number): number {
  let sum = 0;
  for (const workers of WORKERS) {
    free.fill(0);
    for (let tile = 0; tile < tiles; tile++) {
      let first = 0;
      for (let worker = 1; worker < workers; worker++)
        if ((free[worker] ?? 0) < (free[first] ?? 0)) first = worker;
      free[first] = (free[first] ?? 0) + (queue[tile] ?? 0);
    }
    let last = 0;
    for (let worker = 0; worker < workers; worker++) last = Math.max(last, free[worker] ?? 0);
    sum += workers * last;
  }
  return sum / WORKERS.length;
}

/** Divisions that are kept: more than a network has different convolutions. */
const MOST_KNOWN = 256;
const known = new Map<string, Division>();

/**
 * The division, among those within the bounds, that takes the least time. Every stage of a compile asks for it, so what was found
 * is kept.
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
  const weightsEach = transformedElems(algorithm, work, 1);
  /** Products and transforms of a tile. */
  const multipliesOf = (rows: number, cols: number, tileOutputs: number): number => {
    const squares = rows * cols;
    const lines = oneBlock ? 1 : rows;
    const length = squares / lines;
    // A product of three pixels ends with sums over lanes, one of six does not.
    const perRow =
      packing === 1
        ? length * steps + Math.ceil(length / 3) * 3 * TILE_STEPS * LANES
        : length * steps + (Math.ceil(length / REGISTER_SQUARES) * TILE_STEPS + ROW_STEPS) * REGISTER_SQUARES;
    const transforms =
      inputSquares(rows, cols) * channelBlocks(c) * LANES * algorithm.input +
      squares * channelBlocks(tileOutputs) * LANES * algorithm.output;
    return points * lines * perRow * tileOutputs + transforms;
  };
  /** Multiply-adds that could be done in a tile's time. */
  const costOf = (rows: number, cols: number, tileOutputs: number, groupO: number): number => {
    const multiplies = multipliesOf(rows, cols, tileOutputs);
    const inputElems = points * pointElems(rows, cols);
    const productElems = points * rows * cols * Math.min(groupO, tileOutputs);
    const groups = Math.ceil(tileOutputs / groupO);
    const weights = weightsEach * tileOutputs;
    const ofGroup = weightsEach * Math.min(groupO, tileOutputs) + productElems;
    const waits =
      weights * READ.weight[place(weights, WEIGHTS_CACHED)] +
      inputElems * groups * READ.point[place(inputElems + stagedElems(rows, cols), POINTS_CACHED)] +
      productElems * groups * READ.product[place(inputElems + ofGroup, ALL_CACHED)];
    const crowded = (multiplies * CROWDED * (inputElems + productElems) * 4) / CACHE_BYTES;
    const begun =
      (px(vertical, rows, blocksH) * channelBlocks(c) + rows * vertical.tile * channelBlocks(tileOutputs)) *
      ROW_BEGUN;
    return multiplies + waits + crowded + begun;
  };
  /** The best number of outputs whose products lie in scratch together. */
  const groupOf = (rows: number, cols: number, tileO: number): number => {
    const most = Math.floor(PRODUCT_BYTES / (points * rows * cols * 4) / PANEL_OUTPUTS) * PANEL_OUTPUTS;
    let best = PANEL_OUTPUTS;
    let least = Number.POSITIVE_INFINITY;
    for (let groupO = PANEL_OUTPUTS; groupO <= Math.min(tileO, Math.max(most, PANEL_OUTPUTS)); groupO *= 2) {
      const cost = costOf(rows, cols, Math.min(tileO, outputs), groupO);
      if (cost >= least) continue;
      best = groupO;
      least = cost;
    }
    return best;
  };

  let best: Division | null = null;
  let leastCost = Number.POSITIVE_INFINITY;
  const consider = (tileRows: number, tileCols: number, mayPart: boolean): void => {
    const whole = multipliesOf(tileRows, tileCols, outputs);
    // Outputs that are too many for one tile make parts, each of which transforms the inputs anew, which costs more than small tiles do.
    const mostPanels = Math.max(1, Math.floor((panels * MOST_MULTIPLIES) / whole));
    const tileO = Math.ceil(panels / Math.ceil(panels / mostPanels)) * PANEL_OUTPUTS;
    if (tileO < outputs && !mayPart) return;
    const groupO = groupOf(tileRows, tileCols, tileO);
    const smallest = tileRows === 1 && tileCols === 1;
    const depth = Math.min(tileO, outputs);
    const pointBytes = points * pointElems(tileRows, tileCols) * 4;
    if (!smallest && (pointBytes > POINTS_BYTES || multipliesOf(tileRows, tileCols, depth) > MOST_MULTIPLIES))
      return;
    let multiplies = 0;
    let all = 0;
    let tiles = 0;
    // Along each axis whole tiles, then what is left.
    for (let rows = tileRows; rows > 0; rows = rows === tileRows ? allRows % tileRows : 0) {
      const strips = samples * (rows === tileRows ? Math.floor(allRows / tileRows) : 1);
      const begin = tiles;
      for (let cols = tileCols; cols > 0; cols = cols === tileCols ? allCols % tileCols : 0) {
        const beside = cols === tileCols ? Math.floor(allCols / tileCols) : 1;
        for (let deep = depth; deep > 0; deep = deep === depth ? outputs % depth : 0) {
          const many = beside * (deep === depth ? Math.floor(outputs / depth) : 1);
          const cost = costOf(rows, cols, deep, groupO);
          multiplies += strips * many * multipliesOf(rows, cols, deep);
          all += strips * many * cost;
          // A strip of them, as far as there is room; the other strips are copies.
          queue.fill(cost, tiles, tiles + many);
          tiles += many;
        }
      }
      const strip = tiles - begin;
      for (let copy = 1; copy < strips && tiles < MOST_SCHEDULED; copy++, tiles += strip)
        queue.copyWithin(tiles, begin, begin + strip);
      tiles = begin + strips * strip;
    }
    if (all >= leastCost) return;
    // Of many tiles, the last one is all that is waited for.
    const balanced =
      tiles > MOST_SCHEDULED ? all + costOf(tileRows, tileCols, depth, groupO) / 2 : timeOf(tiles);
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
      cost: multiplies + weightsEach * outputs * READ.weight.cached,
    };
  };
  const rows = sides(allRows);
  const cols = sides(allCols);
  for (const mayPart of [false, true]) {
    if (best !== null) break;
    for (const tileCols of cols) for (const tileRows of rows) consider(tileRows, tileCols, mayPart);
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
