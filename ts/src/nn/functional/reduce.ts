/** Mean and variance over axes. */
import { ArgumentError } from '../../errors.js';
import type { Expression, MeanOptions, VarOptions } from '../../graph/expression.js';
import type { Dims } from '../../graph/ir.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import { mergeAxes, spell } from '../../tensor/shape.js';
import { checkOptions, flag, input } from './check.js';
import { reshape } from './pointwise.js';

/** Axes as non-negative numbers; all of them when none are given. */
function axesOf(dims: number | readonly number[] | undefined, rank: number, op: string): Set<number> {
  const listed: readonly number[] = dims === undefined ? [] : Array.isArray(dims) ? dims : [dims];
  if (listed.length === 0) return new Set(Array.from({ length: rank }, (_, axis) => axis));
  const axes = new Set<number>();
  for (const dim of listed) {
    const axis = Number.isInteger(dim) && dim < 0 ? dim + rank : dim;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank || axes.has(axis)) {
      throw new ArgumentError(axes.has(axis) ? 'an axis comes twice' : 'no such axis', {
        op,
        got: `dims ${spell(listed)}`,
        wanted: `different axes from ${-rank} to ${rank - 1}`,
      });
    }
    axes.add(axis);
  }
  return axes;
}

function reduce(
  kind: 'mean' | 'var',
  x: Expression,
  dims: number | readonly number[] | undefined,
  keepdim: boolean,
  unbiased: boolean,
): Value {
  const value = input(x, kind);
  const { shape } = value;
  const axes = axesOf(dims, shape.length, kind);
  const merged = mergeAxes(
    shape,
    shape.map((_, axis) => (axes.has(axis) ? 'reduced' : 'kept')),
    kind,
  );
  const lead = 4 - merged.sizes.length;
  const at = (index: number): number => merged.sizes[index - lead] ?? 1;
  const factored: Dims = [at(0), at(1), at(2), at(3)];
  const reduced = ([0, 1, 2, 3] as const).filter((axis) => merged.tags[axis - lead] === 'reduced');
  const kept = factored.map((size, axis) => (reduced.some((one) => one === axis) ? 1 : size));
  const output = recorder(kind).append(
    'reduce',
    [value],
    { dims: factored, axes: reduced, kind, unbiased },
    kept,
  );
  const full = shape.map((size, axis) => (axes.has(axis) ? 1 : size));
  return reshape(output, keepdim ? full : shape.filter((_, axis) => !axes.has(axis)));
}

/** Mean over `dims` (all axes by default). @throws {@link ArgumentError} for an axis that does not exist or comes twice */
export function mean(x: Expression, dims?: number | readonly number[], options: MeanOptions = {}): Value {
  checkOptions(options, 'mean', ['keepdim']);
  return reduce('mean', x, dims, flag(options.keepdim, 'mean', 'keepdim', false), false);
}

/** Variance over `dims` (all axes by default), over count - 1 unless `unbiased` is false. @throws {@link ArgumentError} as {@link mean} */
export function variance(x: Expression, dims?: number | readonly number[], options: VarOptions = {}): Value {
  checkOptions(options, 'var', ['keepdim', 'unbiased']);
  const keepdim = flag(options.keepdim, 'var', 'keepdim', false);
  return reduce('var', x, dims, keepdim, flag(options.unbiased, 'var', 'unbiased', true));
}
