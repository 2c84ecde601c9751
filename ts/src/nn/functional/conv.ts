/** Convolution and transposed convolution: checks and shape rules. How they are computed stands in ops/conv2d.ts and ops/conv_transpose2d.ts. */
import { ArgumentError, ShapeError, UnsupportedError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import type { OpAttributes, PaddingMode } from '../../graph/ir.js';
import { recorder } from '../../graph/recorder.js';
import { spell } from '../../graph/shape.js';
import type { Value } from '../../graph/value.js';
import { shown } from '../../spell.js';
import type { Parameter } from '../parameter.js';
import { checkOptions, input, type Pair, pair, picture, whole } from './check.js';
import { checkPadded } from './pad.js';
import { reshape } from './pointwise.js';
import { weight as checkWeight } from './weights.js';

/** Rows and columns of padding, 'valid' for none, or 'same' for an output as large as the input (stride 1). */
export type Padding = Pair | 'same' | 'valid';

export interface Conv2dOptions {
  /** [O] or null (default null). */
  readonly bias?: Parameter | null;
  /** Default 1. */
  readonly stride?: Pair;
  /** Default 0. */
  readonly padding?: Padding;
  /** Default 1. */
  readonly dilation?: Pair;
  /** Only 1 so far. */
  readonly groups?: number;
}

export interface ConvTranspose2dOptions {
  /** [O] or null (default null). */
  readonly bias?: Parameter | null;
  /** Default 1. */
  readonly stride?: Pair;
  /** Rows and columns cut off each side (default 0). */
  readonly padding?: Pair;
  /** Rows and columns added at the end, below the stride (default 0). */
  readonly outputPadding?: Pair;
  /** Only 1 so far. */
  readonly groups?: number;
  /** Only 1 so far. */
  readonly dilation?: Pair;
}

/** Checked numbers of a convolution, apart from sizes of its input. */
export interface ConvNumbers {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** top, bottom, left, right */
  readonly padding: readonly [number, number, number, number];
}

/** Refuses groups other than 1. */
function oneGroup(groups: number | undefined, op: string): void {
  if (whole(groups ?? 1, op, 'groups', 1) === 1) return;
  throw new UnsupportedError('grouped convolution', {
    op,
    got: `groups ${shown(groups)}`,
    wanted: 'groups 1',
  });
}

/** Checks the numbers that a convolution is made with. @throws {@link ArgumentError} when one cannot be right */
export function convNumbers(
  kernel: readonly [number, number],
  options: Omit<Conv2dOptions, 'bias'>,
  op: string,
): ConvNumbers {
  oneGroup(options.groups, op);
  const stride = pair(options.stride ?? 1, op, 'stride', 1);
  const dilation = pair(options.dilation ?? 1, op, 'dilation', 1);
  const padding = options.padding ?? 0;
  if (padding === 'valid') return { stride, dilation, padding: [0, 0, 0, 0] };
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
    return { stride, dilation, padding: [top, high - top, left, wide - left] };
  }
  if (typeof padding === 'string') {
    throw new ArgumentError('padding cannot be right', {
      op,
      got: shown(padding),
      wanted: "a number, a pair, 'same' or 'valid'",
    });
  }
  const [rows, columns] = pair(padding, op, 'padding', 0);
  return { stride, dilation, padding: [rows, rows, columns, columns] };
}

/** Checked numbers of a transposed convolution. */
export type ConvTransposeNumbers = Omit<OpAttributes['conv_transpose2d'], 'activation' | 'load'>;

/** Checks the numbers that a transposed convolution is made with. @throws {@link ArgumentError} when one cannot be right */
export function convTransposeNumbers(
  options: Omit<ConvTranspose2dOptions, 'bias'>,
  op: string,
): ConvTransposeNumbers {
  oneGroup(options.groups, op);
  const stride = pair(options.stride ?? 1, op, 'stride', 1);
  const padding = pair(options.padding ?? 0, op, 'padding', 0);
  const outputPadding = pair(options.outputPadding ?? 0, op, 'outputPadding', 0);
  const dilation = pair(options.dilation ?? 1, op, 'dilation', 1);
  if (dilation[0] !== 1 || dilation[1] !== 1) {
    throw new UnsupportedError('dilated transposed convolution', {
      op,
      got: `dilation ${spell(dilation)}`,
      wanted: 'dilation 1',
    });
  }
  if (outputPadding[0] >= stride[0] || outputPadding[1] >= stride[1]) {
    throw new ArgumentError('outputPadding cannot be right', {
      op,
      got: `outputPadding ${spell(outputPadding)} with stride ${spell(stride)}`,
      wanted: 'outputPadding smaller than the stride',
    });
  }
  return { stride, padding, outputPadding };
}

/** The sizes of a convolution's weight, which must have rank 4. */
function weightSizes(
  weight: Parameter,
  op: string,
  spelling: string,
): readonly [number, number, number, number] {
  const [a, b, c, d] = weight.shape;
  if (a !== undefined && b !== undefined && c !== undefined && d !== undefined && weight.shape.length === 4)
    return [a, b, c, d];
  throw new ShapeError('wrong rank of weight', { op, got: spell(weight.shape), wanted: `4-D ${spelling}` });
}

/** A weight that must be there. */
function present(weight: Parameter, op: string): Parameter {
  const checked = checkWeight(weight, op, 'weight');
  if (checked !== null) return checked;
  throw new ArgumentError('no weight', { op, got: shown(weight), wanted: 'a Parameter' });
}

function checkChannels(got: number, wanted: number, shape: readonly number[], op: string): void {
  if (got === wanted) return;
  throw new ShapeError('wrong number of channels', {
    op,
    got: `${got} channels in input ${spell(shape)}`,
    wanted: `${wanted} channels`,
    ...(wanted === 3 && got === 4 ? { hint: 'Drop the alpha channel, or use engine.paint.' } : {}),
  });
}

/** A convolution whose layer or function is called `op`. */
export function convolve(
  x: Expression,
  weight: Parameter,
  bias: Parameter | null,
  numbers: ConvNumbers,
  paddingMode: PaddingMode,
  op: string,
): Value {
  const value = input(x, op);
  const kernel = present(weight, op);
  const { dims, batched } = picture(value, op);
  const [n, c, h, w] = dims;
  const [o, i, kh, kw] = weightSizes(kernel, op, '[O, I, KH, KW]');
  checkChannels(c, i, value.shape, op);
  const checkedBias = checkWeight(bias, op, 'bias', [o]);
  const { stride, dilation, padding } = numbers;
  const [top, bottom, left, right] = padding;
  const size = (padded: number, k: number, axis: 0 | 1, side: string): number => {
    const reach = dilation[axis] * (k - 1) + 1;
    if (reach <= padded) return Math.floor((padded - reach) / stride[axis]) + 1;
    throw new ShapeError('the kernel is larger than the padded input', {
      op,
      got: `padded ${side} ${padded} of input ${spell(value.shape)}`,
      wanted: `at least ${reach}`,
    });
  };
  const high = size(checkPadded(h, top, bottom, paddingMode, 'height', op), kh, 0, 'height');
  const wide = size(checkPadded(w, left, right, paddingMode, 'width', op), kw, 1, 'width');
  const attributes = { stride, dilation, padding, paddingMode, activation: 'none', load: 'plain' } as const;
  const weights = { weight: kernel, bias: checkedBias };
  const y = recorder(op).append('conv2d', [reshape(value, dims)], attributes, [n, o, high, wide], {
    weights,
  });
  return batched ? y : reshape(y, [o, high, wide]);
}

/** A transposed convolution whose layer or function is called `op`. */
export function convolveTransposed(
  x: Expression,
  weight: Parameter,
  bias: Parameter | null,
  numbers: ConvTransposeNumbers,
  op: string,
): Value {
  const value = input(x, op);
  const kernel = present(weight, op);
  const { dims, batched } = picture(value, op);
  const [n, c, h, w] = dims;
  const [i, o, kh, kw] = weightSizes(kernel, op, '[I, O, KH, KW]');
  checkChannels(c, i, value.shape, op);
  const checkedBias = checkWeight(bias, op, 'bias', [o]);
  const { stride, padding, outputPadding } = numbers;
  const size = (length: number, k: number, axis: 0 | 1, side: string): number => {
    const result = (length - 1) * stride[axis] - 2 * padding[axis] + k + outputPadding[axis];
    if (result >= 1) return result;
    throw new ShapeError(`nothing is left of the ${side}`, {
      op,
      got: `${side} ${length} with kernel ${k}, stride ${stride[axis]} and padding ${padding[axis]}`,
      wanted: 'an output of at least one element',
    });
  };
  const [high, wide] = [size(h, kh, 0, 'height'), size(w, kw, 1, 'width')];
  const attributes = { stride, padding, outputPadding, activation: 'none', load: 'plain' } as const;
  const weights = { weight: kernel, bias: checkedBias };
  const y = recorder(op).append('conv_transpose2d', [reshape(value, dims)], attributes, [n, o, high, wide], {
    weights,
  });
  return batched ? y : reshape(y, [o, high, wide]);
}

/**
 * 2-D cross-correlation of `x` [N, C, H, W] or [C, H, W] with `weight` [O, C, KH, KW].
 * @throws {@link ShapeError} for a wrong rank, wrong channels, or a kernel larger than the padded input
 * @throws {@link UnsupportedError} for groups other than 1
 */
export function conv2d(x: Expression, weight: Parameter, options: Conv2dOptions = {}): Value {
  const op = 'conv2d';
  checkOptions(options, op, ['bias', 'stride', 'padding', 'dilation', 'groups']);
  const [, , kh, kw] = weightSizes(present(weight, op), op, '[O, I, KH, KW]');
  return convolve(x, weight, options.bias ?? null, convNumbers([kh, kw], options, op), 'zeros', op);
}

/**
 * Transposed 2-D convolution of `x` [N, C, H, W] or [C, H, W] with `weight` [C, O, KH, KW].
 * @throws {@link ShapeError} for a wrong rank or wrong channels
 * @throws {@link UnsupportedError} for groups or dilation other than 1
 */
export function convTranspose2d(
  x: Expression,
  weight: Parameter,
  options: ConvTranspose2dOptions = {},
): Value {
  const op = 'convTranspose2d';
  checkOptions(options, op, ['bias', 'stride', 'padding', 'outputPadding', 'groups', 'dilation']);
  return convolveTransposed(x, weight, options.bias ?? null, convTransposeNumbers(options, op), op);
}
