/** pixels_in: 8-bit pixels, extended by reflection -> a blocked tensor; what is transparent fades to grey. */
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { blocked } from './layout.js';
import { pixelsIn as record } from './records.gen.js';
import { operandAt, rowsPerTile } from './tiles.js';

export const pixelsIn: OpDescriptor<'pixels_in'> = {
  op: 'pixels_in',
  inPlace: [],
  layouts: ({ attributes: a }) => ({
    inputs: [null],
    outputs: [blocked([1, a.outputChannels, a.outputHeight, a.outputWidth])],
  }),
  workspace: () => NO_WORKSPACE,
  records({ attributes: a }, { inputs, outputs }) {
    return [
      record({
        src: operandAt(inputs, 0),
        y: operandAt(outputs, 0),
        channels: a.channels,
        w: a.width,
        h: a.height,
        left: a.left,
        top: a.top,
        outC: a.outputChannels,
        outW: a.outputWidth,
        outH: a.outputHeight,
        bgr: a.bgr ? 1 : 0,
        scale0: a.scale[0],
        scale1: a.scale[1],
        scale2: a.scale[2],
        offset0: a.offset[0],
        offset1: a.offset[1],
        offset2: a.offset[2],
        tileRows: rowsPerTile(a.outputWidth * 4),
      }),
    ];
  },
  flops: ({ attributes: a }) => 2 * a.outputChannels * a.outputWidth * a.outputHeight,
};
