/** Arithmetic element by element, activations and view. */
import { ArgumentError, ShapeError } from '../../errors.js';
import type { Expression, Operand } from '../../graph/expression.js';
import type { BinaryKind, Shape, UnaryKind } from '../../graph/ir.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import { broadcast, mergeAxes, numel, sameShape, spell } from '../../tensor/shape.js';
import { checkOptions, finite, flag, float32 } from './check.js';

/** x op other; also the body of Value.add and its kin. */
export function binary(kind: BinaryKind, x: Expression, other: Operand): Value {
  const trace = recorder(kind);
  const a = float32(trace.operand(x, kind), kind);
  if (typeof other === 'number') {
    finite(other, kind, 'other');
    return trace.append('unary', [a], { kind, value: other }, a.shape);
  }
  const b = float32(trace.operand(other, kind), kind);
  const shape = broadcast(a.shape, b.shape);
  if (shape === null) {
    throw new ShapeError('the shapes do not broadcast', {
      op: kind,
      got: `${spell(a.shape)} and ${spell(b.shape)}`,
      wanted: 'sizes that are equal or 1, counted from the last axis',
    });
  }
  if (!sameShape(a.shape, b.shape)) checkMergeable(kind, a.shape, b.shape, shape);
  return trace.append('binary', [a, b], { kind, activation: 'none' }, shape);
}

/** Refuses broadcasts that no N C H W factoring can say. */
function checkMergeable(op: string, a: Shape, b: Shape, shape: Shape): void {
  mergeAxes(shape, broadcastTags(a, b, shape), op);
}

/** One tag an axis of `shape`: which of the two operands is repeated along it. */
export function broadcastTags(a: Shape, b: Shape, shape: Shape): string[] {
  return shape.map((size, axis) => {
    const repeats = (one: Shape): boolean => (one[axis - shape.length + one.length] ?? 1) !== size;
    return `${repeats(a) ? 'a' : ''}${repeats(b) ? 'b' : ''}`;
  });
}

function unary(kind: UnaryKind, x: Expression, value = 0): Value {
  const trace = recorder(kind);
  const a = float32(trace.operand(x, kind), kind);
  return trace.append('unary', [a], { kind, value }, a.shape);
}

/** number - x. */
export function rsub(x: Expression, value: number): Value {
  finite(value, 'rsub', 'value');
  return unary('rsub', x, value);
}

/** number / x. */
export function rdiv(x: Expression, value: number): Value {
  finite(value, 'rdiv', 'value');
  return unary('rdiv', x, value);
}

/** Square root of each element; NaN below zero. */
export function sqrt(x: Expression): Value {
  return unary('sqrt', x);
}

/** Hyperbolic tangent of each element. */
export function tanh(x: Expression): Value {
  return unary('tanh', x);
}

export interface InplaceOptions {
  /** Let the argument itself stand for the result from now on, as PyTorch does (default false). */
  readonly inplace?: boolean;
}

/**
 * max(x, 0) of each element.
 * @throws {@link ArgumentError} for `inplace` on a parameter or on a value that shares its elements with a view
 */
export function relu(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'relu', ['inplace']);
  const trace = recorder('relu');
  const input = trace.operand(x, 'relu');
  const output = unary('relu', input);
  if (!flag(options.inplace, 'relu', 'inplace', false)) return output;
  if (input !== x) {
    throw new ArgumentError('in place on a parameter', {
      op: 'relu',
      hint: 'Leave out { inplace: true } here.',
    });
  }
  trace.rebind(input, output, 'relu');
  return input;
}

/** Writes a view; the caller has checked the number of elements. */
export function reshape(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : recorder('view').append('view', [x], { shape: [...shape] }, shape);
}

/**
 * The same elements in row-major order under `shape` (sizes, or one list of sizes; one may be -1).
 * @throws {@link ShapeError} when the numbers of elements differ
 */
export function view(x: Expression, shape: readonly number[] | readonly [readonly number[]]): Value {
  const op = 'view';
  const trace = recorder(op);
  const input = float32(trace.operand(x, op), op);
  const sizes = (Array.isArray(shape[0]) ? shape[0] : shape) as readonly number[];
  const total = numel(input.shape);
  const refuse = (): ShapeError =>
    new ShapeError('the numbers of elements differ', {
      op,
      got: `shape ${spell(sizes)}`,
      wanted: `${total} elements, as in ${spell(input.shape)}`,
    });
  if (!sizes.every((size) => Number.isSafeInteger(size) && (size > 0 || size === -1))) throw refuse();
  const known = sizes.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const unknown = sizes.length - sizes.filter((size) => size !== -1).length;
  if (unknown > 1 || (unknown === 1 && total % known !== 0)) throw refuse();
  const resolved = sizes.map((size) => (size === -1 ? total / known : size));
  if (numel(resolved) !== total) throw refuse();
  const output = trace.append('view', [input], { shape: resolved }, resolved);
  trace.alias(input, output);
  return output;
}
