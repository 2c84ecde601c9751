/** reduce: mean or variance over some of N C H W. */
import type { LaidOutCall, OpDescriptor } from './descriptor.js';
import { blocked, type Dims } from './layout.js';
import { reduce as record } from './records.gen.js';
import { channelBlocks, elems, inputDims, LANES, operandAt, outputDims } from './tiles.js';

/** Pixels of four channels that a tile reads: about 1 ms where they lie far apart, in float64. */
const TILE_PX = 65_536;
/** What an output pixel costs before it reads any, in pixels read: about 100 ns. */
const OUTPUT_PX = 8;
/** Count, mean and M2 of each lane in float64. */
const PARTIAL_BYTES = 3 * LANES * 8;

/** Pixels of four channels. */
function pixels([n, c, h, w]: Dims): number {
  return n * channelBlocks(c) * h * w;
}

/** Output pixels, how many pixels each of them reads, and how many tiles those are cut into. */
function extent(call: LaidOutCall<'reduce'>): { outputs: number; reads: number; chunks: number } {
  const outputs = pixels(outputDims(call));
  const reads = pixels(inputDims(call)) / outputs;
  return { outputs, reads, chunks: Math.ceil(reads / TILE_PX) };
}

export const reduce: OpDescriptor<'reduce'> = {
  op: 'reduce',
  inPlace: [],
  layouts({ attributes: { dims, axes } }) {
    const kept = (axis: 0 | 1 | 2 | 3): number => (axes.includes(axis) ? 1 : dims[axis]);
    return { inputs: [blocked(dims)], outputs: [blocked([kept(0), kept(1), kept(2), kept(3)])] };
  },
  workspace(call) {
    const { outputs, chunks } = extent(call);
    return { temporaryBytes: chunks > 1 ? [outputs * chunks * PARTIAL_BYTES] : [], scratchBytes: 0 };
  },
  records(call, { inputs, outputs, temporaries }) {
    const { axes, kind, unbiased } = call.attributes;
    const [n, c, h, w] = inputDims(call);
    const { reads, chunks } = extent(call);
    return [
      record({
        x: operandAt(inputs, 0),
        y: operandAt(outputs, 0),
        partials: chunks > 1 ? operandAt(temporaries, 0) : 0,
        n,
        c,
        h,
        w,
        axes: axes.reduce<number>((bits, axis) => bits | (1 << axis), 0),
        kind: kind === 'mean' ? 0 : 1,
        correction: unbiased ? 1 : 0,
        tileOutputs: Math.max(1, Math.floor(TILE_PX / (reads + OUTPUT_PX))),
        chunkPx: TILE_PX,
      }),
    ];
  },
  flops: ({ attributes: { kind, dims } }) => (kind === 'mean' ? 1 : 3) * elems(dims),
};
