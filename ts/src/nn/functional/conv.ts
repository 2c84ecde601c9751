/** Convolution and transposed convolution: PyTorch's arguments. What they mean stands in graph/operators/. */
import { checkOptions, type Pair, pair, whole } from '../../check.js';
import { ArgumentError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import { input } from '../../graph/methods/operand.js';
import type { Conv } from '../../graph/operators/conv.js';
import { weightSizes } from '../../graph/operators/conv_checks.js';
import type { ConvTranspose } from '../../graph/operators/conv_transpose.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import type { PaddingMode } from '../../ops/kernels.js';
import { shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';
import { optionalWeight, weightOf } from './weight.js';

/** Rows and columns of padding, 'valid' for none, or 'same' for an output as large as the input (stride 1). */
export type Padding = Pair | 'same' | 'valid';

export interface Conv2dOptions {
  /** [O] or null (default null). */
  readonly bias?: Expression | null;
  /** Default 1. */
  readonly stride?: Pair;
  /** Default 0. */
  readonly padding?: Padding;
  /** Default 1. */
  readonly dilation?: Pair;
  /** Divides both numbers of channels: each output reads its group's inputs (default 1). */
  readonly groups?: number;
}

export interface ConvTranspose2dOptions {
  /** [O] or null (default null). */
  readonly bias?: Expression | null;
  /** Default 1. */
  readonly stride?: Pair;
  /** Rows and columns cut off each side (default 0). */
  readonly padding?: Pair;
  /** Rows and columns added at the end, below the stride or the dilation (default 0). */
  readonly outputPadding?: Pair;
  /** Divides both numbers of channels: each output reads its group's inputs (default 1). */
  readonly groups?: number;
  /** Default 1. */
  readonly dilation?: Pair;
}

/** Checked numbers of a convolution, apart from sizes of its input. */
export type ConvNumbers = Omit<Conv, 'paddingMode'>;

/** Checks the numbers that a convolution is made with. @throws {@link ArgumentError} when one cannot be right */
export function convNumbers(
  kernel: readonly [number, number],
  options: Omit<Conv2dOptions, 'bias'>,
  op: string,
): ConvNumbers {
  const groups = whole(options.groups ?? 1, op, 'groups', 1);
  const stride = pair(options.stride ?? 1, op, 'stride', 1);
  const dilation = pair(options.dilation ?? 1, op, 'dilation', 1);
  const padding = options.padding ?? 0;
  if (padding === 'valid') return { stride, dilation, groups, padding: [0, 0, 0, 0] };
  if (padding === 'same') {
    if (stride[0] !== 1 || stride[1] !== 1) {
      throw new ArgumentError("padding 'same' with a stride", {
        op,
        got: `stride ${spell(stride)}`,
        wanted: 'stride 1',
      });
    }
    const [high, wide] = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)];
    // PyTorch puts the odd row and column at the end.
    const [top, left] = [Math.floor(high / 2), Math.floor(wide / 2)];
    return { stride, dilation, groups, padding: [top, high - top, left, wide - left] };
  }
  if (typeof padding === 'string') {
    throw new ArgumentError('padding cannot be right', {
      op,
      got: shown(padding),
      wanted: "a number, a pair, 'same' or 'valid'",
    });
  }
  const [rows, columns] = pair(padding, op, 'padding', 0);
  return { stride, dilation, groups, padding: [rows, rows, columns, columns] };
}

/** Checks the numbers that a transposed convolution is made with. @throws {@link ArgumentError} when one cannot be right */
export function convTransposeNumbers(
  options: Omit<ConvTranspose2dOptions, 'bias'>,
  op: string,
): ConvTranspose {
  const groups = whole(options.groups ?? 1, op, 'groups', 1);
  const stride = pair(options.stride ?? 1, op, 'stride', 1);
  const padding = pair(options.padding ?? 0, op, 'padding', 0);
  const outputPadding = pair(options.outputPadding ?? 0, op, 'outputPadding', 0);
  const dilation = pair(options.dilation ?? 1, op, 'dilation', 1);
  const most = [0, 1].map((axis) => Math.max(stride[axis] ?? 1, dilation[axis] ?? 1));
  if (outputPadding.some((size, axis) => size >= (most[axis] ?? 1))) {
    throw new ArgumentError('outputPadding cannot be right', {
      op,
      got: `outputPadding ${spell(outputPadding)} with stride ${spell(stride)} and dilation ${spell(dilation)}`,
      wanted: 'outputPadding smaller than stride or dilation',
    });
  }
  return { stride, padding, outputPadding, dilation, groups };
}

/** A convolution whose layer or function is called `op`. */
export function convolve(
  x: Expression,
  weight: Expression,
  bias: Expression | null,
  numbers: ConvNumbers,
  paddingMode: PaddingMode,
  op: string,
): Value {
  const operands = [input(x, op), weightOf(weight, op, 'weight'), optionalWeight(bias, op, 'bias')];
  return recorder(op).append('conv', operands, { ...numbers, paddingMode }, op);
}

/** A transposed convolution whose layer or function is called `op`. */
export function convolveTransposed(
  x: Expression,
  weight: Expression,
  bias: Expression | null,
  numbers: ConvTranspose,
  op: string,
): Value {
  const operands = [input(x, op), weightOf(weight, op, 'weight'), optionalWeight(bias, op, 'bias')];
  return recorder(op).append('conv_transpose', operands, numbers, op);
}

/**
 * 2-D cross-correlation of `x` [N, C, H, W] or [C, H, W] with `weight` [O, C / groups, KH, KW].
 * @throws {@link ShapeError} for a wrong rank, wrong channels, groups that do not divide O, or a kernel larger than the padded input
 */
export function conv2d(x: Expression, weight: Expression, options: Conv2dOptions = {}): Value {
  const op = 'conv2d';
  checkOptions(options, op, ['bias', 'stride', 'padding', 'dilation', 'groups']);
  const [, , kh, kw] = weightSizes(weightOf(weight, op, 'weight').shape, op, '[O, I, KH, KW]');
  return convolve(x, weight, options.bias ?? null, convNumbers([kh, kw], options, op), 'zeros', op);
}

/**
 * Transposed 2-D convolution of `x` [N, C, H, W] or [C, H, W] with `weight` [C, O / groups, KH, KW].
 * @throws {@link ShapeError} for a wrong rank, wrong channels, or groups that do not divide C
 */
export function convTranspose2d(
  x: Expression,
  weight: Expression,
  options: ConvTranspose2dOptions = {},
): Value {
  const op = 'convTranspose2d';
  checkOptions(options, op, ['bias', 'stride', 'padding', 'outputPadding', 'groups', 'dilation']);
  return convolveTransposed(x, weight, options.bias ?? null, convTransposeNumbers(options, op), op);
}
