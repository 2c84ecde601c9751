/** Arithmetic element by element, and activations. */
import { checkOptions, finite, flag } from '../../check.js';
import { ArgumentError } from '../../errors.js';
import type { Expression, Operand } from '../expression.js';
import type { BinaryKind } from '../operators/binary.js';
import type { UnaryKind } from '../operators/unary.js';
import { recorder } from '../recorder.js';
import type { Value } from '../value.js';
import { input } from './operand.js';

/** x op other; also the body of Value.add and its kin. */
export function binary(kind: BinaryKind, x: Expression, other: Operand): Value {
  const a = input(x, kind);
  if (typeof other !== 'number')
    return recorder(kind).append('binary', [a, input(other, kind)], { kind }, kind);
  finite(other, kind, 'other');
  return unary(kind, a, other);
}

function unary(kind: UnaryKind, x: Expression, ...numbers: number[]): Value {
  return recorder(kind).append('unary', [input(x, kind)], { kind, numbers }, kind);
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
  const operand = input(x, 'relu');
  const output = unary('relu', operand);
  if (!flag(options.inplace, 'relu', 'inplace', false)) return output;
  if (operand !== x) {
    throw new ArgumentError('in place on a parameter', {
      op: 'relu',
      hint: 'Leave out { inplace: true } here.',
    });
  }
  recorder('relu').rebind(operand, output, 'relu');
  return operand;
}
