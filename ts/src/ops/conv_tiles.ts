/**
 * What both convolutions plan with: how large a tile is, and what it stages. Kernels stage the input under a tile in scratch as
 * [row][column][channel]; the sizes here must be those that crates/kernels/src/ops/{conv2d,conv_transpose2d}.rs check.
 */
import { channelBlocks, LANES } from './tiles.js';

/** Outputs that a panel of weights holds: tiles divide output channels by it. */
const PANEL_OUTPUTS = 8;
/** Register tiles are 6 or 4 pixels wide, as the build has it; both divide this. */
const TILE_STEP_PX = 12;
/** 2 ms at 25 GFLOP/s: the most that a tile should cost. */
const MOST_FLOPS = 50e6;
/** Tiles of several rows stay below this, so that a picture's tiles are many... */
const GROUP_FLOPS = 20e6;
/** ...but above this, about 50 us, where staging and the tile counter don't count. */
const LEAST_FLOPS = 2.5e6;
/** Tiles that a layer is divided into, where it has the work. */
const WANTED_TILES = 32;
/** Staged input that stays in a second-level cache of 1 MB beside the weights. */
const STAGED_BYTES = 384 * 1024;

/** Floats of a staged pixel: lanes past C only where blocks are whole anyway. */
export function pixelElems(c: number): number {
  return c < LANES ? c : channelBlocks(c) * LANES;
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

/** Whole rows where they fit the bounds, several if they are cheap; else segments of a row; else some of the outputs. */
export function convTile(work: ConvWork): ConvTile {
  const { rows, cols, outputs } = work;
  const allOutputs = Math.ceil(outputs / PANEL_OUTPUTS) * PANEL_OUTPUTS;
  const pixelFlops = work.flops * outputs;
  let tileRows = 1;
  let tileCols = cols;
  let tileO = allOutputs;
  if (pixelFlops * cols > MOST_FLOPS || work.stagedBytes(1, cols) > STAGED_BYTES) {
    tileCols = segmentCols(work, pixelFlops);
    if (pixelFlops * tileCols > MOST_FLOPS) {
      const fitting = Math.floor(MOST_FLOPS / (work.flops * tileCols * PANEL_OUTPUTS));
      tileO = Math.min(allOutputs, Math.max(1, fitting) * PANEL_OUTPUTS);
      if (fitting === 0) {
        tileCols = Math.max(1, Math.floor(MOST_FLOPS / (work.flops * PANEL_OUTPUTS)));
      }
    }
  } else if (work.groupsRows) {
    const all = pixelFlops * cols * rows * work.samples;
    const wanted = Math.min(GROUP_FLOPS, Math.max(LEAST_FLOPS, all / WANTED_TILES));
    tileRows = Math.min(rows, Math.max(1, Math.floor(wanted / (pixelFlops * cols))));
    while (tileRows > 1 && work.stagedBytes(tileRows, cols) > STAGED_BYTES) tileRows--;
  }
  const scratchBytes = Math.ceil(work.stagedBytes(tileRows, tileCols) / 16) * 16;
  return { tileRows, tileCols, tileO, scratchBytes };
}

/** Columns of the segments that a row is cut into: nearly equal, multiples of the register tiles' widths. */
function segmentCols(work: ConvWork, pixelFlops: number): number {
  const { cols } = work;
  const pixelBytes = work.stagedBytes(1, 2) - work.stagedBytes(1, 1);
  const fitting = Math.min(
    MOST_FLOPS / pixelFlops,
    1 + (STAGED_BYTES - work.stagedBytes(1, 1)) / Math.max(1, pixelBytes),
  );
  const most = Math.max(1, Math.floor(fitting / TILE_STEP_PX)) * TILE_STEP_PX;
  const segments = Math.ceil(cols / most);
  return Math.min(cols, Math.ceil(cols / segments / TILE_STEP_PX) * TILE_STEP_PX);
}
