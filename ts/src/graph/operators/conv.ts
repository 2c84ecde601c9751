/** conv: 2-D cross-correlation, as torch.nn.functional.conv2d and ONNX's Conv. */
import { ShapeError } from '../../errors.js';
import type { PaddingMode, Sides } from '../../ops/kernels.js';
import { type Shape, spell } from '../../tensor/shape.js';
import {
  checkChannels,
  checkGroups,
  checkReach,
  checkShape,
  likeInput,
  MOST_COORDINATE,
  MOST_STEP_ELEMS,
  pictureSizes,
  weightSizes,
} from './conv_checks.js';
import { floats, type Operator, shapeAt } from './operator.js';
import { checkPadded, paddedRows } from './pad.js';

/** Inputs: x [N C H W] or [C H W], weight [O C/groups KH KW], bias [O]?. */
export interface Conv {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: Sides;
  readonly paddingMode: PaddingMode;
  readonly groups: number;
}

/** One axis of a convolution as kernels take it, and its output's size. */
function along(conv: Conv, input: Shape, size: number, k: number, axis: 0 | 1, caller: string) {
  const side = axis === 0 ? 'height' : 'width';
  const [before = 0, after = 0] = axis === 0 ? conv.padding : conv.padding.slice(2);
  const padded = checkPadded(size, before, after, conv.paddingMode, side, caller);
  // A step that is never taken may be of any size in PyTorch; the kernels get one that they can count.
  const stride = Math.min(conv.stride[axis], padded);
  const dilation = k === 1 ? 1 : conv.dilation[axis];
  const reach = dilation * (k - 1) + 1;
  if (reach > padded) {
    throw new ShapeError('the kernel is larger than the padded input', {
      op: caller,
      got: `padded ${side} ${padded} of input ${spell(input)}`,
      wanted: `at least ${reach}`,
    });
  }
  const length = Math.floor((padded - reach) / stride) + 1;
  checkReach(length * stride + k * dilation + before, MOST_COORDINATE, side, caller);
  return { stride, dilation, length, reach };
}

/** Sizes, strides and dilations, checked. */
function geometry(conv: Conv, x: Shape, weight: Shape, caller: string) {
  const [n, c, h, w] = pictureSizes(x, caller);
  const [o, i, kh, kw] = weightSizes(weight, caller, '[O, I, KH, KW]');
  checkGroups(conv.groups, o, weight, caller);
  checkChannels(c, i * conv.groups, x, caller);
  const rows = along(conv, x, h, kh, 0, caller);
  const columns = along(conv, x, w, kw, 1, caller);
  checkReach(Math.max(columns.stride, columns.dilation) * (c + 3), MOST_STEP_ELEMS, 'width', caller);
  return {
    input: [n, c, h, w] as const,
    output: [n, o, rows.length, columns.length] as const,
    rows,
    stride: [rows.stride, columns.stride] as const,
    dilation: [rows.dilation, columns.dilation] as const,
  };
}

export const conv: Operator<Conv> = {
  roles: ['input', 'weight', 'bias'],
  infer(attributes, inputs, caller) {
    const x = shapeAt(inputs, 0);
    const { output } = geometry(attributes, x, shapeAt(inputs, 1), caller);
    checkShape(inputs[2], [output[1]], 'bias', caller);
    return [floats(likeInput(x, output))];
  },
  lower({ attributes, inputs: [x = [], weight = []] }, to) {
    const { input, output, stride, dilation } = geometry(attributes, x ?? [], weight ?? [], 'conv');
    const { padding, paddingMode, groups } = attributes;
    const told = {
      stride,
      dilation,
      padding,
      paddingMode,
      groups,
      load: 'plain',
      loadProgram: [],
      program: [],
    } as const;
    const operands = [to.view(to.x, input), to.inputs[1] ?? null, to.inputs[2] ?? null, null];
    return [to.view(to.append('conv2d', operands, told, output), likeInput(x ?? [], output))];
  },
  rows({ attributes, inputs: [x, weight, bias] }, { first, last }) {
    const { input, rows } = geometry(attributes, x ?? [], weight ?? [], 'conv');
    const { padding, paddingMode } = attributes;
    const padded = { first: first * rows.stride, last: last * rows.stride + rows.reach - 1 };
    return [
      paddedRows(padded, { before: padding[0], size: input[2], mode: paddingMode }),
      'whole',
      bias === null || bias === undefined ? null : 'whole',
    ];
  },
};
