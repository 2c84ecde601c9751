/** What changes shapes, and moves elements: view, permute, slice, concat. */
import { ArgumentError, ShapeError } from '../../errors.js';
import { shown } from '../../spell.js';
import {
  inferredShape,
  isShape,
  listOf,
  numel,
  type Shape,
  type Sizes,
  sameShape,
  spell,
} from '../../tensor/shape.js';
import type { Expression } from '../expression.js';
import type { Operators } from '../operators/index.js';
import { recorder } from '../recorder.js';
import type { Value } from '../value.js';
import { axesOf, axisOf } from './axes.js';
import { input } from './operand.js';

/** Elements of `x` itself, seen otherwise: as in PyTorch, what is done in place to either would show in the other. */
function sharing<K extends 'view' | 'permute' | 'slice'>(x: Value, op: K, attributes: Operators[K]): Value {
  const trace = recorder(op);
  const output = trace.append(op, [x], attributes, op);
  trace.alias(x, output);
  return output;
}

/**
 * The same elements in row-major order under `shape`, where one size may be -1.
 * @throws {@link ShapeError} when the numbers of elements differ
 */
export function view(x: Expression, shape: Sizes): Value {
  const op = 'view';
  const value = input(x, op);
  const sizes = listOf(shape);
  const total = numel(value.shape);
  const refuse = (): ShapeError =>
    new ShapeError('the numbers of elements differ', {
      op,
      got: `shape ${spell(sizes)}`,
      wanted: `${total} elements, as in ${spell(value.shape)}`,
    });
  const resolved = inferredShape(sizes, total);
  if (resolved === null || !isShape(resolved, 1)) throw refuse();
  return sharing(value, op, { shape: resolved });
}

/** The axes in another order. @throws {@link ArgumentError} unless every axis comes once */
export function permute(x: Expression, dims: Sizes): Value {
  const op = 'permute';
  const value = input(x, op);
  const listed = listOf(dims);
  const rank = value.shape.length;
  const order = axesOf(listed, rank, op);
  if (order.length !== rank) {
    throw new ArgumentError('not all axes', {
      op,
      got: `dims ${spell(listed)}`,
      wanted: `each of the ${rank} axes of ${spell(value.shape)} once`,
    });
  }
  return sharing(value, op, { order });
}

/**
 * Elements `start` to `end` (not included) of one axis, every `step`-th, as ATen's Tensor.slice: negative bounds count from the end, and bounds
 * beyond the ends are the ends.
 * @throws {@link ArgumentError} for an axis that does not exist, or numbers that are not whole, or a step below 1
 * @throws {@link ShapeError} when nothing is left
 */
export function slice(x: Expression, dim: number, start = 0, end = Number.MAX_SAFE_INTEGER, step = 1): Value {
  const op = 'slice';
  const value = input(x, op);
  const axis = axisOf(dim, value.shape.length, op);
  if (![start, end, step].every(Number.isSafeInteger) || step < 1) {
    throw new ArgumentError('not a range', {
      op,
      got: `start ${shown(start)}, end ${shown(end)}, step ${shown(step)}`,
      wanted: 'whole numbers, and a step >= 1',
    });
  }
  const size = value.shape[axis] ?? 1;
  const within = (bound: number): number => Math.min(size, Math.max(0, bound < 0 ? bound + size : bound));
  const [first, last] = [within(start), within(end)];
  const length = Math.ceil((last - first) / step);
  if (length < 1) {
    throw new ShapeError('nothing is left of the axis', {
      op,
      got: `${start} to ${end} of the ${size} elements along axis ${axis} of ${spell(value.shape)}`,
      wanted: 'at least one element',
    });
  }
  const only = (of: number, otherwise: number): number[] =>
    value.shape.map((_, at) => (at === axis ? of : otherwise));
  const sizes = value.shape.map((all, at) => (at === axis ? length : all));
  return sharing(value, op, { starts: only(first, 0), sizes, steps: only(step, 1) });
}

/**
 * Values one behind the other along an axis (default 0), as torch.cat.
 * @throws {@link ArgumentError} for an empty list, or an axis that does not exist
 * @throws {@link ShapeError} when other sizes differ
 */
export function cat(values: readonly Expression[], dim = 0): Value {
  const op = 'cat';
  const [first] = Array.isArray(values) ? values : [];
  if (first === undefined)
    throw new ArgumentError('nothing to put together', {
      op,
      got: shown(values),
      wanted: 'a list of values',
    });
  const inputs = values.map((value) => input(value, op));
  const axis = axisOf(dim, inputs[0]?.shape.length ?? 0, op);
  return recorder(op).append('concat', inputs, { axis }, op);
}

/** Writes a view of a value by a shape that is known to suit; none where it is its own. */
export function reshape(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : recorder('view').append('view', [x], { shape: [...shape] }, 'view');
}
