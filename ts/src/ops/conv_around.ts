/** What all convolutions plan and take over alike: layouts, and from the normalisations around them constants applied as they load, moments left as they store. */
import type { Call, LaidOutCall, Layouts, Operands } from './descriptor.js';
import type { Load } from './kernels.js';
import { blocked, type Packing, packed, raw, vectorLayout } from './layout.js';
import { momentsBytes } from './statistics.js';
import { ACTIVATION_CODES, operandAt, PADDING_CODES, pictureDims } from './tiles.js';

export type ConvolutionName = 'conv2d' | 'conv_depthwise' | 'conv_winograd' | 'conv_transpose2d';

const LOAD_ACTIVATIONS = { plain: 0, normalized: 0, 'normalized-relu': 1 } as const satisfies Record<
  Load,
  number
>;

/** Pictures in, a picture out, and moments of `parts` tiles of each plane where they are asked for. */
export function convolutionLayouts(
  { inputs: [x, , bias], outputs: [y, moments] }: Call<ConvolutionName>,
  weight: Packing,
  parts: () => number,
): Layouts {
  const output = pictureDims(y);
  return {
    inputs: [blocked(pictureDims(x)), packed(weight), vectorLayout(bias), null],
    outputs: [blocked(output), ...(moments === undefined ? [] : [raw(momentsBytes(output, parts()))])],
  };
}

/** Fields that the records of all convolutions have. */
export function convolutionFields(
  { attributes: { load, activation }, inputs: shapes, outputs: shapesOut }: LaidOutCall<ConvolutionName>,
  { inputs, outputs, scratch }: Operands,
) {
  const [n, c, h, w] = pictureDims(shapes[0]);
  const [, o, outH, outW] = pictureDims(shapesOut[0]);
  return {
    scratch,
    x: operandAt(inputs, 0),
    weight: operandAt(inputs, 1),
    bias: inputs[2] ?? 0,
    y: operandAt(outputs, 0),
    n,
    c,
    h,
    w,
    o,
    outH,
    outW,
    activation: ACTIVATION_CODES[activation],
    moments: outputs[1] ?? 0,
    constants: load === 'plain' ? 0 : operandAt(inputs, 3),
    constantsN: load === 'plain' ? 1 : (shapes[3]?.[0] ?? 1),
    loadActivation: LOAD_ACTIVATIONS[load],
  };
}

/** Where the kernel lies on the picture: fields of the convolutions that are computed directly. */
export function windowFields({ attributes, inputs }: Call<'conv2d' | 'conv_depthwise'>) {
  const { stride, dilation, padding, paddingMode } = attributes;
  const [, , kh, kw] = pictureDims(inputs[1]);
  return {
    kh,
    kw,
    strideH: stride[0],
    strideW: stride[1],
    dilationH: dilation[0],
    dilationW: dilation[1],
    padTop: padding[0],
    padLeft: padding[2],
    padMode: PADDING_CODES[paddingMode],
  };
}

/** Bytes of the input that a tile of so many rows and columns stages, of so many floats a pixel. Of a kernel dilated in height one output row's rows are staged, which lie apart. */
export function staging(
  { attributes: { stride, dilation }, inputs }: Call<'conv2d' | 'conv_depthwise'>,
  pixelFloats: number,
): { readonly groupsRows: boolean; stagedBytes(rows: number, cols: number): number } {
  const [, , kh, kw] = pictureDims(inputs[1]);
  const groupsRows = dilation[0] === 1;
  return {
    groupsRows,
    stagedBytes: (rows, cols) =>
      (groupsRows ? (rows - 1) * stride[0] + kh : kh) *
      ((cols - 1) * stride[1] + (kw - 1) * dilation[1] + 1) *
      pixelFloats *
      4,
  };
}
