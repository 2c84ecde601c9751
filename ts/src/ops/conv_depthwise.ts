/** conv_depthwise: convolution of each channel with a kernel of its own. */
import { convolutionLayouts, fusedFields } from './conv_around.js';
import { convTile, WANTED_TILES } from './conv_tiles.js';
import { panelPacking } from './conv2d.js';
import type { Call, OpDescriptor } from './descriptor.js';
import { convDepthwise as record } from './records.gen.js';
import { channelBlocks, elems, LANES, operandAt, PADDING_CODES, pictureDims, TILE_VECTORS } from './tiles.js';

/** A tile of a channel block, and how many blocks' make one where planes are small. */
function tile(call: Call<'conv_depthwise'>) {
  const [, , kh, kw] = pictureDims(call.inputs[1]);
  const [n, c, rows, cols] = pictureDims(call.outputs[0]);
  const { stride, dilation } = call.attributes;
  const blocks = channelBlocks(c);
  // As of conv2d.
  const groupsRows = dilation[0] === 1;
  const { tileRows, tileCols, scratchBytes } = convTile({
    samples: n * blocks,
    rows,
    cols,
    outputs: LANES,
    flops: 2 * kh * kw,
    groupsRows,
    stagedBytes: (r, px) =>
      (groupsRows ? (r - 1) * stride[0] + kh : kh) *
      ((px - 1) * stride[1] + (kw - 1) * dilation[1] + 1) *
      LANES *
      4,
  });
  const parts = Math.ceil(rows / tileRows) * Math.ceil(cols / tileCols);
  const most = Math.min(TILE_VECTORS / (tileRows * tileCols), (n * blocks * parts) / WANTED_TILES);
  return { tileRows, tileCols, tileBlocks: Math.max(1, Math.floor(most)), scratchBytes, parts };
}

export const convDepthwise: OpDescriptor<'conv_depthwise'> = {
  op: 'conv_depthwise',
  inPlace: [],
  layouts(call) {
    const [c, , kh, kw] = pictureDims(call.inputs[1]);
    return convolutionLayouts(call, panelPacking(c, 1, kh, kw), () => tile(call).parts);
  },
  workspace: (call) => ({ temporaryBytes: [], scratchBytes: tile(call).scratchBytes }),
  records(call, operands) {
    const [, , kh, kw] = pictureDims(call.inputs[1]);
    const { stride, dilation, padding, paddingMode } = call.attributes;
    const [n, c, h, w] = pictureDims(call.inputs[0]);
    const [, , outH, outW] = pictureDims(call.outputs[0]);
    return [
      record({
        scratch: operands.scratch,
        ...tile(call),
        weight: operandAt(operands.inputs, 1),
        n,
        c,
        h,
        w,
        outH,
        outW,
        kh,
        kw,
        strideH: stride[0],
        strideW: stride[1],
        dilationH: dilation[0],
        dilationW: dilation[1],
        padTop: padding[0],
        padLeft: padding[2],
        padMode: PADDING_CODES[paddingMode],
        ...fusedFields(call, operands),
      }),
    ];
  },
  flops(call) {
    const [, , kh, kw] = pictureDims(call.inputs[1]);
    return 2 * kh * kw * elems(pictureDims(call.outputs[0]));
  },
};
