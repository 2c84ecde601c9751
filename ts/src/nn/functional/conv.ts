/** Convolution and transposed convolution: checks and shape rules. How they are computed stands in ops/conv2d.ts and ops/conv_transpose2d.ts. */
import { ArgumentError, ShapeError, UnsupportedError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import type { OpAttributes, PaddingMode } from '../../graph/ir.js';
import type { Parameter } from '../../graph/parameter.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import { shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';
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

/** The kernels count coordinates, and floats from one pixel to the next, as far as this: MOST_COORDINATE and MOST_STEP_ELEMS in crates/kernels. */
const MOST_COORDINATE = 2 ** 30;
const MOST_STEP_ELEMS = 2 ** 29 - 1;

/** Refuses what the kernels cannot count; it would have passed memory's end anyway, or be nothing but padding. */
function checkReach(farthest: number, most: number, side: string, op: string): void {
  if (farthest <= most) return;
  throw new UnsupportedError(`stride, padding, kernel and dilation reach too far along the ${side}`, {
    op,
    got: `${farthest} elements`,
    wanted: `at most ${most}`,
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
  const { padding } = numbers;
  const [top, bottom, left, right] = padding;
  const along = (size: number, before: number, after: number, k: number, axis: 0 | 1) => {
    const side = axis === 0 ? 'height' : 'width';
    const padded = checkPadded(size, before, after, paddingMode, side, op);
    // A step that is never taken may be of any size in PyTorch; the kernels get one that they can count.
    const stride = Math.min(numbers.stride[axis], padded);
    const dilation = k === 1 ? 1 : numbers.dilation[axis];
    const reach = dilation * (k - 1) + 1;
    if (reach > padded) {
      throw new ShapeError('the kernel is larger than the padded input', {
        op,
        got: `padded ${side} ${padded} of input ${spell(value.shape)}`,
        wanted: `at least ${reach}`,
      });
    }
    const length = Math.floor((padded - reach) / stride) + 1;
    checkReach(length * stride + k * dilation + before, MOST_COORDINATE, side, op);
    return { stride, dilation, length };
  };
  const rows = along(h, top, bottom, kh, 0);
  const columns = along(w, left, right, kw, 1);
  checkReach(Math.max(columns.stride, columns.dilation) * (c + 3), MOST_STEP_ELEMS, 'width', op);
  const [high, wide] = [rows.length, columns.length];
  const stride = [rows.stride, columns.stride] as const;
  const dilation = [rows.dilation, columns.dilation] as const;
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
  const { padding, outputPadding } = numbers;
  const along = (size: number, k: number, axis: 0 | 1) => {
    const side = axis === 0 ? 'height' : 'width';
    const pad = padding[axis];
    // As in `convolve`: with a single row or column no step is taken.
    const stride = size === 1 ? Math.min(numbers.stride[axis], k) : numbers.stride[axis];
    const length = (size - 1) * stride - 2 * pad + k + outputPadding[axis];
    checkReach(length + pad + 4 * stride + k, MOST_COORDINATE, side, op);
    if (length >= 1) return { stride, length };
    throw new ShapeError(`nothing is left of the ${side}`, {
      op,
      got: `${side} ${size} with kernel ${k}, stride ${stride} and padding ${pad}`,
      wanted: 'an output of at least one element',
    });
  };
  const rows = along(h, kh, 0);
  const columns = along(w, kw, 1);
  const [high, wide] = [rows.length, columns.length];
  const stride = [rows.stride, columns.stride] as const;
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
