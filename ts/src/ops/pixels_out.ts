/** pixels_out: a crop of a blocked tensor -> RGBA bytes, alpha from the source pixels. */
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { blocked, raw } from './layout.js';
import { pixelsOut as record } from './records.gen.js';
import { operandAt, pictureDims, rowsPerTile } from './tiles.js';

const RGBA = 4;

export const pixelsOut: OpDescriptor<'pixels_out'> = {
  op: 'pixels_out',
  inPlace: [],
  layouts: ({ attributes: { width, height }, inputs: [x] }) => ({
    inputs: [blocked(pictureDims(x)), null],
    outputs: [raw(width * height * RGBA)],
  }),
  workspace: () => NO_WORKSPACE,
  records({ attributes: a, inputs: [x] }, { inputs, outputs }) {
    const [, c, h, w] = pictureDims(x);
    return [
      record({
        x: operandAt(inputs, 0),
        src: operandAt(inputs, 1),
        y: operandAt(outputs, 0),
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
