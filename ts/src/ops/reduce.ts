/** reduce: mean or variance over some of N C H W. */
import type { Dims } from '../graph/ir.js';
import { reduce as record } from '../graph/records.gen.js';
import type { OpDescriptor } from './descriptor.js';
import { dimsAt, elems, operandAt, outputDims } from './tiles.js';

/** Elements that a tile reads: about 1 ms at 2 GB/s. One output is never split, so a huge reduction makes a longer tile. */
const TILE_READS = 524_288;

export const reduce: OpDescriptor<'reduce'> = {
  op: 'reduce',
  inPlace: [],
  dims({ attributes: { dims, axes } }) {
    const kept = (axis: 0 | 1 | 2 | 3): number => (axes.includes(axis) ? 1 : dims[axis]);
    const output: Dims = [kept(0), kept(1), kept(2), kept(3)];
    return { inputs: [dims], output };
  },
  workspace: () => ({ temporaryBytes: [], scratchBytes: 0 }),
  weights: () => [],
  records({ attributes }, shapes, { inputs, output }) {
    const dims = dimsAt(shapes.dims.inputs, 0);
    const [n, c, h, w] = dims;
    const reads = elems(dims) / elems(outputDims(shapes));
    return [
      record({
        x: operandAt(inputs, 0),
        y: output,
        n,
        c,
        h,
        w,
        axes: attributes.axes.reduce<number>((bits, axis) => bits | (1 << axis), 0),
        kind: attributes.kind === 'mean' ? 0 : 1,
        correction: attributes.unbiased ? 1 : 0,
        // Whole vectors of four channels.
        tileOutputs: Math.max(1, Math.floor(TILE_READS / reads / 4)) * 4,
      }),
    ];
  },
  flops: ({ attributes }, shapes) =>
    (attributes.kind === 'mean' ? 1 : 3) * elems(dimsAt(shapes.dims.inputs, 0)),
};
