/** conv_transpose2d: transposed convolution by sub-pixel decomposition. */
import { convolutionFields, convolutionLayouts } from './conv_around.js';
import { type ConvTile, convTile, pixelElems } from './conv_tiles.js';
import type { Call, OpDescriptor } from './descriptor.js';
import type { Packing } from './layout.js';
import { programFlops } from './program_fields.js';
import { packConvTranspose2d, convTranspose2d as record } from './records.gen.js';
import { elems, LANES, pictureDims } from './tiles.js';

interface Geometry {
  readonly c: number;
  readonly o: number;
  /** The kernel with zeros between its taps, as the record has it. */
  readonly kh: number;
  readonly kw: number;
}

function geometry({ inputs, attributes: { dilation, groups } }: Call<'conv_transpose2d'>): Geometry {
  const [c, outputs, kh, kw] = pictureDims(inputs[1]);
  return { c, o: outputs * groups, kh: (kh - 1) * dilation[0] + 1, kw: (kw - 1) * dilation[1] + 1 };
}

/** Tiles count input pixels: each gives stride x stride outputs, which read the same staged input. */
function tile(call: Call<'conv_transpose2d'>): ConvTile {
  const { o, c, kh, kw } = geometry(call);
  const [samples, , outH, outW] = pictureDims(call.outputs[0]);
  const [strideH, strideW] = call.attributes.stride;
  return convTile({
    samples,
    rows: Math.ceil(outH / strideH),
    cols: Math.ceil(outW / strideW),
    outputs: o,
    flops: 2 * c * kh * kw + strideH * strideW * programFlops(call.attributes.program),
    groupsRows: true,
    stagedBytes: (rows, px) =>
      (rows + Math.ceil(kh / strideH)) * (px + Math.ceil(kw / strideW)) * pixelElems(c) * 4,
  });
}

function weightPacking(call: Call<'conv_transpose2d'>): Packing {
  const { o, c, kh, kw } = geometry(call);
  const { stride, dilation, groups } = call.attributes;
  const [, , tapsH, tapsW] = pictureDims(call.inputs[1]);
  const [strideH, strideW] = stride;
  const [dilationH, dilationW] = dilation;
  const told = { o, c, kh: tapsH, kw: tapsW, strideH, strideW, dilationH, dilationW, groups };
  return {
    key: `conv_transpose2d:${Object.values(told).join('x')}`,
    bytes: Math.ceil(o / LANES) * LANES * pixelElems(c) * kh * kw * 4,
    records: (src, y) => [packConvTranspose2d({ src, y, ...told })],
  };
}

export const convTranspose2d: OpDescriptor<'conv_transpose2d'> = {
  op: 'conv_transpose2d',
  inPlace: [],
  layouts(call) {
    const parts = (): number => {
      const { tileRows, tileCols } = tile(call);
      const [strideH, strideW] = call.attributes.stride;
      const [, , outH, outW] = pictureDims(call.outputs[0]);
      return Math.ceil(outH / (tileRows * strideH)) * Math.ceil(outW / (tileCols * strideW));
    };
    return convolutionLayouts(call, weightPacking(call), parts);
  },
  workspace: (call) => ({ temporaryBytes: [], scratchBytes: tile(call).scratchBytes }),
  records(call, operands) {
    const { kh, kw } = geometry(call);
    const { stride, padding } = call.attributes;
    return [
      record({
        ...convolutionFields(call, operands),
        ...tile(call),
        kh,
        kw,
        strideH: stride[0],
        strideW: stride[1],
        padTop: padding[0],
        padLeft: padding[1],
      }),
    ];
  },
  // Every input pixel meets the whole kernel, padding aside.
  flops(call) {
    const [, outputs, kh, kw] = pictureDims(call.inputs[1]);
    return 2 * outputs * kh * kw * elems(pictureDims(call.inputs[0]));
  },
};
