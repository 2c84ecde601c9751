/** Arithmetic element by element, and activations. */
import { checkOptions, flag, number } from '../../check.js';
import { ArgumentError } from '../../errors.js';
import { shown } from '../../spell.js';
import type { Expression, Operand } from '../expression.js';
import type { BinaryKind } from '../operators/binary.js';
import type { UnaryKind } from '../operators/unary.js';
import { recorder } from '../recorder.js';
import type { Value } from '../value.js';
import { input } from './operand.js';

/** x op other; also the body of Value.add and its kin. @param op what users called */
export function binary(kind: BinaryKind, x: Expression, other: Operand, op: string = kind): Value {
  const a = input(x, op);
  if (typeof other !== 'number') return recorder(op).append('binary', [a, input(other, op)], { kind }, op);
  return unary(kind, a, [other], op);
}

export function unary(
  kind: UnaryKind,
  x: Expression,
  numbers: readonly number[] = [],
  op: string = kind,
): Value {
  return recorder(op).append('unary', [input(x, op)], { kind, numbers }, op);
}

/** number - x. */
export function rsub(x: Expression, value: number): Value {
  return unary('rsub', x, [number(value, 'rsub', 'value')]);
}

/** number / x. */
export function rdiv(x: Expression, value: number): Value {
  return unary('rdiv', x, [number(value, 'rdiv', 'value')]);
}

/** Square root of each element; NaN below zero. */
export function sqrt(x: Expression): Value {
  return unary('sqrt', x);
}

/** e to the power of each element. */
export function exp(x: Expression): Value {
  return unary('exp', x);
}

/** Natural logarithm of each element; -Infinity of 0, NaN below. */
export function log(x: Expression): Value {
  return unary('log', x);
}

/** Absolute value of each element. */
export function abs(x: Expression): Value {
  return unary('abs', x);
}

/** Hyperbolic tangent of each element. */
export function tanh(x: Expression): Value {
  return unary('tanh', x);
}

/** 1 / (1 + exp(-x)) of each element. */
export function sigmoid(x: Expression): Value {
  return unary('sigmoid', x);
}

/** Each element to the power of a number, or of the other's; NaN where it is no real number. @throws {@link ShapeError} when the shapes do not broadcast */
export function pow(x: Expression, exponent: Operand): Value {
  // The square is a product, to the last bit and many times as fast.
  return exponent === 2 ? binary('mul', x, x, 'pow') : binary('pow', x, exponent);
}

/**
 * min(max(x, min), max) of each element, as torch.clamp: max where min is above it. NaN stays, and a bound that is NaN gives NaN.
 * @throws {@link ArgumentError} when both bounds are absent, or one is no number
 */
export function clamp(x: Expression, min?: number | null, max?: number | null, op = 'clamp'): Value {
  const least = min == null ? null : number(min, op, 'min');
  const most = max == null ? null : number(max, op, 'max');
  if (least !== null && most !== null) return unary('clamp', x, [least, most], op);
  if (least !== null) return unary('max', x, [least], op);
  if (most !== null) return unary('min', x, [most], op);
  throw new ArgumentError('no bounds', { op, got: shown(min), wanted: 'min, max or both' });
}

/**
 * `then` where the condition is not 0, elsewhere `otherwise`, as torch.where. NaN is not 0.
 * @throws {@link ShapeError} when the shapes do not broadcast
 */
export function where(condition: Expression, then: Operand, otherwise: Operand): Value {
  const op = 'where';
  const numberOf = (one: Operand): number => (typeof one === 'number' ? one : 0);
  const value = (one: Operand): Value | null => (typeof one === 'number' ? null : input(one, op));
  const numbers = [numberOf(then), numberOf(otherwise)] as const;
  return recorder(op).append('where', [input(condition, op), value(then), value(otherwise)], { numbers }, op);
}

export interface InplaceOptions {
  /** Let the argument itself stand for the result from now on, as PyTorch does (default false). */
  readonly inplace?: boolean;
}

/** Writes a function of x, in place where the options say so. @throws {@link ArgumentError} as {@link relu} */
export function activation(
  x: Expression,
  options: InplaceOptions,
  op: string,
  write: (x: Value) => Value,
): Value {
  const operand = input(x, op);
  const output = write(operand);
  if (!flag(options.inplace, op, 'inplace', false)) return output;
  if (operand !== x) {
    throw new ArgumentError('in place on a parameter', {
      op,
      hint: 'Leave out { inplace: true } here.',
    });
  }
  recorder(op).rebind(operand, output, op);
  return operand;
}

/**
 * max(x, 0) of each element.
 * @throws {@link ArgumentError} for `inplace` on a parameter or on a value that shares its elements with a view
 */
export function relu(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'relu', ['inplace']);
  return activation(x, options, 'relu', (value) => unary('relu', value));
}
