/** What all convolutions plan and take over alike: layouts, what is done to x as they load and to results before they store, moments left then. */
import type { Shape } from '../tensor/shape.js';
import type { Call, LaidOutCall, Layouts, Operands } from './descriptor.js';
import { epilogueFields, operandShape } from './epilogue.js';
import { blocked, type Layout, type Packing, packed, raw, vectorLayout } from './layout.js';
import { programFields } from './program_fields.js';
import { STEPS } from './records.gen.js';
import { momentsBytes } from './statistics.js';
import { operandAt, PADDING_CODES, pictureDims } from './tiles.js';

export type ConvolutionName = 'conv2d' | 'conv_depthwise' | 'conv_winograd' | 'conv_transpose2d';

/** Where the operands of the program stand among the inputs, which begin with x, weight, bias and constants. */
export const OPERANDS_AT = 4;

/** Pictures in, a picture out, and moments of `parts` tiles of each plane where they are asked for. */
export function convolutionLayouts(
  { attributes: { load }, inputs, outputs: [y, moments] }: Call<ConvolutionName>,
  weight: Packing,
  parts: () => number,
): Layouts {
  const output = pictureDims(y);
  const [x, , bias, constants] = inputs;
  const beside = (operand: Shape | null): Layout => blocked(pictureDims(operandShape(output, operand ?? [])));
  return {
    inputs: [
      blocked(pictureDims(x)),
      packed(weight),
      vectorLayout(bias),
      load === 'scale' ? blocked(pictureDims(operandShape(pictureDims(x), constants ?? []))) : null,
      ...inputs.slice(OPERANDS_AT).map(beside),
    ],
    outputs: [blocked(output), ...(moments === undefined ? [] : [raw(momentsBytes(output, parts()))])],
  };
}

/** Fields that the records of all convolutions have. */
export function convolutionFields(
  { attributes, inputs: shapes, outputs: shapesOut }: LaidOutCall<ConvolutionName>,
  { inputs, outputs, scratch }: Operands,
) {
  const { load, loadProgram, program } = attributes;
  const [n, c, h, w] = pictureDims(shapes[0]);
  const y = pictureDims(shapesOut[0]);
  const [, o, outH, outW] = y;
  const [step] = loadProgram;
  const number = (at: number): number => Number(step?.args[at] ?? 0);
  const operands = shapes
    .slice(OPERANDS_AT)
    .map((shape, k) => ({ shape: shape ?? [], operand: operandAt(inputs, OPERANDS_AT + k) }));
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
    moments: outputs[1] ?? 0,
    constants: load === 'plain' ? 0 : operandAt(inputs, 3),
    constantsN: shapes[3]?.length === 4 || load === 'affine' ? (shapes[3]?.[0] ?? 1) : 1,
    constantsVectors: load === 'scale' ? 1 : 3,
    loadSteps: loadProgram.length,
    loadStep: step === undefined ? 0 : STEPS[step.step].code,
    loadFirst: number(0),
    loadSecond: number(1),
    ...programFields(program),
    ...epilogueFields(y, operands),
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
