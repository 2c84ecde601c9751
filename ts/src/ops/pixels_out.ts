/** pixels_out: a crop of a blocked tensor -> RGBA bytes, alpha, and of luma the colours, from the source pixels. */
import { type Call, NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { blocked, raw } from './layout.js';
import { pixelsOut as record } from './records.gen.js';
import { operandAt, pictureDims, rowsPerTile } from './tiles.js';

const RGBA = 4;
/** A pixel of the source, interpolated: red, green, blue and alpha as floats. */
const INTERPOLATED_BYTES = 16;
/** What a pixel costs that is interpolated, in pixels that are not. */
const INTERPOLATED_COST = 4;

/** Whether the source's pixels are read at another size, or their colours taken. */
function interpolates({ attributes: a, inputs: [, source] }: Call<'pixels_out'>): boolean {
  const hasAlpha = source != null && a.sourceChannels % 2 === 0;
  return a.chroma || (hasAlpha && (a.sourceWidth !== a.width || a.sourceHeight !== a.height));
}

const scratchBytes = (call: Call<'pixels_out'>): number =>
  interpolates(call) ? call.attributes.sourceWidth * INTERPOLATED_BYTES : 0;

export const pixelsOut: OpDescriptor<'pixels_out'> = {
  op: 'pixels_out',
  inPlace: [],
  layouts: ({ attributes: { width, height }, inputs: [x] }) => ({
    inputs: [blocked(pictureDims(x)), null],
    outputs: [raw(width * height * RGBA)],
  }),
  workspace: (call) =>
    interpolates(call) ? { temporaryBytes: [], scratchBytes: scratchBytes(call) } : NO_WORKSPACE,
  records(call, { inputs, outputs, scratch }) {
    const { attributes: a } = call;
    const [, c, h, w] = pictureDims(call.inputs[0]);
    return [
      record({
        scratch,
        scratchBytes: scratchBytes(call),
        x: operandAt(inputs, 0),
        src: operandAt(inputs, 1),
        y: operandAt(outputs, 0),
        // An absent source has no alpha.
        srcChannels: call.inputs[1] == null ? 1 : a.sourceChannels,
        srcW: a.sourceWidth,
        srcH: a.sourceHeight,
        c,
        xW: w,
        xH: h,
        left: a.left,
        top: a.top,
        w: a.width,
        h: a.height,
        bgr: a.bgr ? 1 : 0,
        chroma: a.chroma ? 1 : 0,
        scale0: a.scale[0],
        scale1: a.scale[1],
        scale2: a.scale[2],
        offset0: a.offset[0],
        offset1: a.offset[1],
        offset2: a.offset[2],
        tileRows: rowsPerTile(a.width * 4 * (interpolates(call) ? INTERPOLATED_COST : 1)),
      }),
    ];
  },
  flops: ({ attributes: a }) => 6 * a.width * a.height,
};
