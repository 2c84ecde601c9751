/** reduce: mean or variance over some of N C H W. */
import type { Dims } from '../graph/ir.js';
import type { OpDescriptor, PlacedShapes } from './descriptor.js';
import { reduce as record } from './records.gen.js';
import { channelBlocks, dimsAt, elems, LANES, operandAt, outputDims } from './tiles.js';

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
function extent(shapes: PlacedShapes): { outputs: number; reads: number; chunks: number } {
  const outputs = pixels(outputDims(shapes));
  const reads = pixels(dimsAt(shapes.dims.inputs, 0)) / outputs;
  return { outputs, reads, chunks: Math.ceil(reads / TILE_PX) };
}

export const reduce: OpDescriptor<'reduce'> = {
  op: 'reduce',
  inPlace: [],
  dims({ attributes: { dims, axes } }) {
    const kept = (axis: 0 | 1 | 2 | 3): number => (axes.includes(axis) ? 1 : dims[axis]);
    const output: Dims = [kept(0), kept(1), kept(2), kept(3)];
    return { inputs: [dims], output };
  },
  workspace(_node, shapes) {
    const { outputs, chunks } = extent(shapes);
    return { temporaryBytes: chunks > 1 ? [outputs * chunks * PARTIAL_BYTES] : [], scratchBytes: 0 };
  },
  weights: () => [],
  records({ attributes }, shapes, { inputs, output, temporaries }) {
    const [n, c, h, w] = dimsAt(shapes.dims.inputs, 0);
    const { reads, chunks } = extent(shapes);
    return [
      record({
        x: operandAt(inputs, 0),
        y: output,
        partials: chunks > 1 ? operandAt(temporaries, 0) : 0,
        n,
        c,
        h,
        w,
        axes: attributes.axes.reduce<number>((bits, axis) => bits | (1 << axis), 0),
        kind: attributes.kind === 'mean' ? 0 : 1,
        correction: attributes.unbiased ? 1 : 0,
        tileOutputs: Math.max(1, Math.floor(TILE_PX / (reads + OUTPUT_PX))),
        chunkPx: TILE_PX,
      }),
    ];
  },
  flops: ({ attributes }, shapes) =>
    (attributes.kind === 'mean' ? 1 : 3) * elems(dimsAt(shapes.dims.inputs, 0)),
};
