/** The list of operators: what users mean, any rank, close to ATen's and ONNX's. A new one is a file, and a line in each of the two lists. */
import { type BatchNorm, batchNorm } from './batch_norm.js';
import { type Binary, binary } from './binary.js';
import { type Concat, concat } from './concat.js';
import { type Conv, conv } from './conv.js';
import { type ConvTranspose, convTranspose } from './conv_transpose.js';
import { type GroupNorm, groupNorm } from './group_norm.js';
import { type InstanceNorm, instanceNorm } from './instance_norm.js';
import { type LayerNorm, layerNorm } from './layer_norm.js';
import { type MatMul, matmul } from './matmul.js';
import type { Operator } from './operator.js';
import { type Pad, pad } from './pad.js';
import { type Permute, permute } from './permute.js';
import { type PixelsIn, type PixelsOut, pixelsIn, pixelsOut } from './pixels.js';
import { type Reduce, reduce } from './reduce.js';
import { type Slice, slice } from './slice.js';
import { type Unary, unary } from './unary.js';
import { type View, view } from './view.js';
import { type Where, where } from './where.js';

/** Attributes by operator. */
export interface Operators {
  batch_norm: BatchNorm;
  binary: Binary;
  concat: Concat;
  conv: Conv;
  conv_transpose: ConvTranspose;
  group_norm: GroupNorm;
  instance_norm: InstanceNorm;
  layer_norm: LayerNorm;
  matmul: MatMul;
  pad: Pad;
  permute: Permute;
  pixels_in: PixelsIn;
  pixels_out: PixelsOut;
  reduce: Reduce;
  slice: Slice;
  unary: Unary;
  view: View;
  where: Where;
}

export type OperatorName = keyof Operators;

const operators: { readonly [K in OperatorName]: Operator<Operators[K]> } = {
  batch_norm: batchNorm,
  binary,
  concat,
  conv,
  conv_transpose: convTranspose,
  group_norm: groupNorm,
  instance_norm: instanceNorm,
  layer_norm: layerNorm,
  matmul,
  pad,
  permute,
  pixels_in: pixelsIn,
  pixels_out: pixelsOut,
  reduce,
  slice,
  unary,
  view,
  where,
};

/** The operator of that name. */
export function operatorOf<K extends OperatorName>(op: K): Operator<Operators[K]> {
  return operators[op] as Operator<Operators[K]>;
}

/** Every operator's name. */
export const OPERATOR_NAMES = Object.keys(operators) as OperatorName[];
