/**
 * What the direct convolutions plan with: how large a tile is, and what it stages. Kernels stage the input under a tile in scratch as
 * [row][column][channel]; the sizes here must be those that crates/kernels/src/ops/conv*.rs check.
 */
import { channelBlocks, LANES } from './tiles.js';

/** Outputs that a panel of weights holds: tiles divide output channels by it. */
export const PANEL_OUTPUTS = 8;
/** At most this many outputs are computed with input channels in the lanes. */
const FEW_OUTPUTS = 3;
/** Register tiles are 6 or 4 pixels wide, as the build has it; both divide this. */
export const TILE_STEP_PX = 12;
/** 2 ms at 25 GFLOP/s: the most that a tile should cost. */
export const MOST_FLOPS = 50e6;
/** About 100 us: the least, where a layer has more work. */
const LEAST_FLOPS = 2.5e6;
/** Tiles that a layer is divided into, where it has the work. */
export const WANTED_TILES = 32;
/** Staged input that stays in a second-level cache of 1 MB beside the weights. */
const STAGED_BYTES = 384 * 1024;
/** What a tile costs besides its work, in bytes that could be staged meanwhile: about 1 us. */
const TILE_BYTES = 8192;

/** Floats of a staged pixel: lanes past C only where blocks are whole anyway. */
export function pixelElems(c: number): number {
  return c < LANES ? c : channelBlocks(c) * LANES;
}

/** How weights are packed: 0 panels of outputs, 1 input channels in the lanes, for few outputs. */
export function packingOf({ c, o }: { readonly c: number; readonly o: number }): 0 | 1 {
  return o <= FEW_OUTPUTS && c >= LANES ? 1 : 0;
}

/**
 * Groups that are computed apart from each other, each a dense convolution: as many of `groups` as divide the channels into whole blocks. Where they
 * are fewer, groups are joined with zeros between them.
 */
export function groupsApart({
  c,
  o,
  groups,
}: {
  readonly c: number;
  readonly o: number;
  readonly groups: number;
}): number {
  const isApart = (apart: number): boolean =>
    groups % apart === 0 && (c / apart) % LANES === 0 && (o / apart) % LANES === 0;
  let apart = groups;
  while (apart > 1 && !isApart(apart)) apart--;
  return apart;
}

/** What a tile of so much work should cost. */
export function tileFlops(all: number): number {
  return Math.min(MOST_FLOPS, Math.max(LEAST_FLOPS, all / WANTED_TILES));
}

/** One output pixel's work, and how staging grows with a tile's rows and columns. */
export interface ConvWork {
  readonly samples: number;
  /** Rows and columns that tiles divide. */
  readonly rows: number;
  readonly cols: number;
  readonly outputs: number;
  /** Multiplies and adds of one pixel and one output channel. */
  readonly flops: number;
  /** Whether a tile may have more than one row. */
  readonly groupsRows: boolean;
  stagedBytes(rows: number, cols: number): number;
}

export interface ConvTile {
  readonly tileRows: number;
  readonly tileCols: number;
  readonly tileO: number;
  readonly scratchBytes: number;
}

/**
 * The tile, among those within the bounds, with which the least is staged in all: rows under a kernel are staged once a tile, so
 * tiles of several rows stage less, and segments of a row let several rows fit.
 */
export function convTile(work: ConvWork): ConvTile {
  const { rows, cols, outputs, samples } = work;
  const allOutputs = Math.ceil(outputs / PANEL_OUTPUTS) * PANEL_OUTPUTS;
  const pixelFlops = work.flops * outputs;
  const mostPx = tileFlops(pixelFlops * rows * cols * samples) / pixelFlops;
  let best: ConvTile | null = null;
  let leastBytes = Number.POSITIVE_INFINITY;
  const stepsOf = (segments: number): number => Math.ceil(cols / segments / TILE_STEP_PX);
  // From one width to the next smaller: to try every number of segments takes seconds for a row of millions.
  for (let steps = stepsOf(1); steps >= 1; steps = stepsOf(Math.ceil(cols / ((steps - 1) * TILE_STEP_PX)))) {
    const tileCols = Math.min(cols, steps * TILE_STEP_PX);
    const fits = (r: number): boolean =>
      r * tileCols <= mostPx && work.stagedBytes(r, tileCols) <= STAGED_BYTES;
    if (!fits(1)) continue;
    let tileRows = 1;
    while (work.groupsRows && tileRows < rows && fits(tileRows + 1)) tileRows++;
    const staged = work.stagedBytes(tileRows, tileCols);
    const tiles = Math.ceil(rows / tileRows) * Math.ceil(cols / tileCols);
    if (tiles * (staged + TILE_BYTES) < leastBytes) {
      leastBytes = tiles * (staged + TILE_BYTES);
      best = { tileRows, tileCols, tileO: allOutputs, scratchBytes: Math.ceil(staged / 16) * 16 };
    }
  }
  return best ?? narrowTile(work, allOutputs);
}

/** Where even a short segment of a row is too much: some of the outputs, and as few columns as that asks for. */
function narrowTile(work: ConvWork, allOutputs: number): ConvTile {
  const panelFlops = work.flops * PANEL_OUTPUTS;
  const most = Math.max(1, Math.floor(MOST_FLOPS / panelFlops));
  const tileCols = Math.min(work.cols, TILE_STEP_PX, most);
  const panels = Math.max(1, Math.floor(MOST_FLOPS / (panelFlops * tileCols)));
  const scratchBytes = Math.ceil(work.stagedBytes(1, tileCols) / 16) * 16;
  return { tileRows: 1, tileCols, tileO: Math.min(allOutputs, panels * PANEL_OUTPUTS), scratchBytes };
}
