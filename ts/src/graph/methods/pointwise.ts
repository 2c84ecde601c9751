/** Arithmetic element by element, and activations. */
import { checkOptions, finite, flag } from '../../check.js';
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
  return unary(kind, a, [finite(other, op, 'other')], op);
}

function unary(kind: UnaryKind, x: Expression, numbers: readonly number[] = [], op: string = kind): Value {
  return recorder(op).append('unary', [input(x, op)], { kind, numbers }, op);
}

/** number - x. */
export function rsub(x: Expression, value: number): Value {
  return unary('rsub', x, [finite(value, 'rsub', 'value')]);
}

/** number / x. */
export function rdiv(x: Expression, value: number): Value {
  return unary('rdiv', x, [finite(value, 'rdiv', 'value')]);
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
 * min(max(x, min), max) of each element, as torch.clamp: max where min is above it. NaN stays.
 * @throws {@link ArgumentError} when both bounds are absent, or one is not a finite number
 */
export function clamp(x: Expression, min?: number | null, max?: number | null, op = 'clamp'): Value {
  const least = min == null ? null : finite(min, op, 'min');
  const most = max == null ? null : finite(max, op, 'max');
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
  const number = (one: Operand, name: string): number =>
    typeof one === 'number' ? finite(one, op, name) : 0;
  const value = (one: Operand): Value | null => (typeof one === 'number' ? null : input(one, op));
  const numbers = [number(then, 'input'), number(otherwise, 'other')] as const;
  return recorder(op).append('where', [input(condition, op), value(then), value(otherwise)], { numbers }, op);
}

export interface InplaceOptions {
  /** Let the argument itself stand for the result from now on, as PyTorch does (default false). */
  readonly inplace?: boolean;
}

/** Writes a function of x, in place where the options say so. @throws {@link ArgumentError} as {@link relu} */
function activation(x: Expression, options: InplaceOptions, op: string, write: (x: Value) => Value): Value {
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

/** min(max(x, 0), 6) of each element. @throws {@link ArgumentError} as {@link relu} */
export function relu6(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'relu6', ['inplace']);
  return activation(x, options, 'relu6', (value) => clamp(value, 0, 6, 'relu6'));
}

export interface HardtanhOptions extends InplaceOptions {
  /** Default -1. */
  readonly minVal?: number;
  /** Default 1. */
  readonly maxVal?: number;
}

/** Bounds of hardtanh. @throws {@link ArgumentError} for numbers that are not finite, or a smallest that is not below the largest */
export function hardtanhBounds(options: HardtanhOptions, op: string): readonly [least: number, most: number] {
  checkOptions(options, op, ['minVal', 'maxVal', 'inplace']);
  const least = finite(options.minVal ?? -1, op, 'minVal');
  const most = finite(options.maxVal ?? 1, op, 'maxVal');
  if (least < most) return [least, most];
  const got = `minVal ${least}, maxVal ${most}`;
  throw new ArgumentError('bounds that do not go upwards', { op, got, wanted: 'minVal < maxVal' });
}

/** min(max(x, minVal), maxVal) of each element. @throws {@link ArgumentError} as {@link relu}, and for bounds that do not go upwards */
export function hardtanh(x: Expression, options: HardtanhOptions = {}): Value {
  const [least, most] = hardtanhBounds(options, 'hardtanh');
  return activation(x, options, 'hardtanh', (value) => clamp(value, least, most, 'hardtanh'));
}

export interface LeakyReluOptions extends InplaceOptions {
  /** What elements below 0 are multiplied by (default 0.01). */
  readonly negativeSlope?: number;
}

/** The slope of leakyRelu. @throws {@link ArgumentError} for one that is not finite */
export function slopeOf(options: LeakyReluOptions, op: string): number {
  checkOptions(options, op, ['negativeSlope', 'inplace']);
  return finite(options.negativeSlope ?? 0.01, op, 'negativeSlope');
}

/** x where it is above 0, elsewhere x times the slope. @throws {@link ArgumentError} as {@link relu}, and for a slope that is not finite */
export function leakyRelu(x: Expression, options: LeakyReluOptions = {}): Value {
  const slope = slopeOf(options, 'leakyRelu');
  return activation(x, options, 'leakyRelu', (value) => unary('leaky_relu', value, [slope], 'leakyRelu'));
}

/** x * sigmoid(x) of each element. @throws {@link ArgumentError} as {@link relu} */
export function silu(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'silu', ['inplace']);
  return activation(x, options, 'silu', (value) => unary('silu', value));
}

/** x * tanh(log(1 + exp(x))) of each element. @throws {@link ArgumentError} as {@link relu} */
export function mish(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'mish', ['inplace']);
  return activation(x, options, 'mish', (value) => unary('mish', value));
}
