/** conv_depthwise: convolution of each channel with a kernel of its own. */
import { convolutionFields, convolutionLayouts, staging, windowFields } from './conv_around.js';
import { convTile, MOST_FLOPS, WANTED_TILES } from './conv_tiles.js';
import { panelPacking } from './conv2d.js';
import type { Call, OpDescriptor } from './descriptor.js';
import { programFlops } from './program_fields.js';
import { convDepthwise as record } from './records.gen.js';
import { channelBlocks, elems, LANES, pictureDims, TILE_VECTORS } from './tiles.js';

/** A tile of a channel block, and how many blocks' make one where planes are small. */
function tile(call: Call<'conv_depthwise'>) {
  const [, , kh, kw] = pictureDims(call.inputs[1]);
  const [n, c, rows, cols] = pictureDims(call.outputs[0]);
  const blocks = channelBlocks(c);
  const flops = 2 * kh * kw + programFlops(call.attributes.program);
  const { tileRows, tileCols, scratchBytes } = convTile({
    samples: n * blocks,
    rows,
    cols,
    outputs: LANES,
    flops,
    ...staging(call, LANES),
  });
  const parts = Math.ceil(rows / tileRows) * Math.ceil(cols / tileCols);
  const px = tileRows * tileCols;
  const most = Math.min(
    TILE_VECTORS / px,
    MOST_FLOPS / (px * LANES * flops),
    (n * blocks * parts) / WANTED_TILES,
  );
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
    const { parts: _, ...tiles } = tile(call);
    return [record({ ...convolutionFields(call, operands), ...windowFields(call), ...tiles })];
  },
  flops(call) {
    const [, , kh, kw] = pictureDims(call.inputs[1]);
    return 2 * kh * kw * elems(pictureDims(call.outputs[0]));
  },
};
