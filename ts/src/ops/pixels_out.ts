/** pixels_out: a crop of a blocked tensor -> RGBA bytes, alpha from the source pixels. */

import type { OpDescriptor } from './descriptor.js';
import { pixelsOut as record } from './records.gen.js';
import { dimsAt, operandAt, rowsPerTile } from './tiles.js';

export const pixelsOut: OpDescriptor<'pixels_out'> = {
  op: 'pixels_out',
  inPlace: [],
  dims(_node, shapes) {
    const [n, c, h, w] = shapes.inputs[0] ?? [];
    return { inputs: [[n ?? 1, c ?? 1, h ?? 1, w ?? 1], null], output: null };
  },
  workspace: () => ({ temporaryBytes: [], scratchBytes: 0 }),
  weights: () => [],
  records({ attributes: a }, shapes, { inputs, output }) {
    const [, c, h, w] = dimsAt(shapes.dims.inputs, 0);
    return [
      record({
        x: operandAt(inputs, 0),
        src: operandAt(inputs, 1),
        y: output,
        srcChannels: a.sourceChannels,
        c,
        xW: w,
        xH: h,
        left: a.left,
        top: a.top,
        w: a.width,
        h: a.height,
        scale: a.scale,
        offset: a.offset,
        tileRows: rowsPerTile(a.width * 4),
      }),
    ];
  },
  flops: ({ attributes: a }) => 6 * a.width * a.height,
};
