/** Mean and variance over axes. */
import { checkOptions, flag } from '../../check.js';
import type { Expression, MeanOptions, VarOptions } from '../expression.js';
import { recorder } from '../recorder.js';
import type { Value } from '../value.js';
import { axesOf } from './axes.js';
import { input } from './operand.js';

type Dims = number | readonly number[] | undefined;

function reduce(kind: 'mean' | 'var', x: Expression, dims: Dims, keepdim: boolean, unbiased: boolean): Value {
  const value = input(x, kind);
  const rank = value.shape.length;
  const listed: readonly number[] = dims === undefined ? [] : Array.isArray(dims) ? dims : [dims];
  const axes = listed.length === 0 ? value.shape.map((_, axis) => axis) : axesOf(listed, rank, kind);
  return recorder(kind).append('reduce', [value], { kind, axes, keepdim, unbiased }, kind);
}

/** Mean over `dims` (all axes by default). @throws {@link ArgumentError} for an axis that does not exist or comes twice */
export function mean(x: Expression, dims?: Dims, options: MeanOptions = {}): Value {
  checkOptions(options, 'mean', ['keepdim']);
  return reduce('mean', x, dims, flag(options.keepdim, 'mean', 'keepdim', false), false);
}

/** Variance over `dims` (all axes by default), over count - 1 unless `unbiased` is false. @throws {@link ArgumentError} as {@link mean} */
export function variance(x: Expression, dims?: Dims, options: VarOptions = {}): Value {
  checkOptions(options, 'var', ['keepdim', 'unbiased']);
  const keepdim = flag(options.keepdim, 'var', 'keepdim', false);
  return reduce('var', x, dims, keepdim, flag(options.unbiased, 'var', 'unbiased', true));
}
