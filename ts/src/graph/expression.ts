/** PyTorch's methods for everything that `forward` may calculate with: values and parameters. Each writes a node of the current trace. */
import { markCopy } from '../copies.js';
import type { Shape, Sizes } from '../tensor/shape.js';
import { matmul } from './methods/matmul.js';
import * as pointwise from './methods/pointwise.js';
import * as reduce from './methods/reduce.js';
import { permute, slice, view } from './methods/shape.js';
import type { Value } from './value.js';

/** A second operand: a value, a parameter, or a number. */
export type Operand = Expression | number;

export interface MeanOptions {
  /** Keep the reduced axes with size 1 (default false). */
  readonly keepdim?: boolean;
}

export interface VarOptions extends MeanOptions {
  /** Divide by count - 1, as PyTorch does by default (default true). */
  readonly unbiased?: boolean;
}

export abstract class Expression {
  /** Sizes, outermost first. */
  abstract get shape(): Shape;

  /** this + other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
  add(other: Operand): Value {
    return pointwise.binary('add', this, other);
  }

  /** this - other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
  sub(other: Operand): Value {
    return pointwise.binary('sub', this, other);
  }

  /** this * other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
  mul(other: Operand): Value {
    return pointwise.binary('mul', this, other);
  }

  /** this / other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
  div(other: Operand): Value {
    return pointwise.binary('div', this, other);
  }

  /** Each element to the power of a number, or of the other's, broadcasting; NaN where that is no real number. @throws {@link ShapeError} when the shapes do not broadcast */
  pow(exponent: Operand): Value {
    return pointwise.pow(this, exponent);
  }

  /** The smaller of each two elements, broadcasting; NaN wins. @throws {@link ShapeError} when the shapes do not broadcast */
  minimum(other: Operand): Value {
    return pointwise.binary('min', this, other, 'minimum');
  }

  /** The larger of each two elements, broadcasting; NaN wins. @throws {@link ShapeError} when the shapes do not broadcast */
  maximum(other: Operand): Value {
    return pointwise.binary('max', this, other, 'maximum');
  }

  /** min(max(x, min), max) of each element; either bound may be left out, null or infinite. @throws {@link ArgumentError} when both are left out, or one is no number */
  clamp(min?: number | null, max?: number | null): Value {
    return pointwise.clamp(this, min, max);
  }

  /** This where the condition is not 0, elsewhere the other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
  where(condition: Expression, other: Operand): Value {
    return pointwise.where(condition, this, other);
  }

  /** e to the power of each element. */
  exp(): Value {
    return pointwise.exp(this);
  }

  /** Natural logarithm of each element; -Infinity of 0, NaN below. */
  log(): Value {
    return pointwise.log(this);
  }

  /** Absolute value of each element. */
  abs(): Value {
    return pointwise.abs(this);
  }

  /** 1 / (1 + exp(-x)) of each element. */
  sigmoid(): Value {
    return pointwise.sigmoid(this);
  }

  /** Square root of each element; NaN below zero. */
  sqrt(): Value {
    return pointwise.sqrt(this);
  }

  /** max(x, 0) of each element. */
  relu(): Value {
    return pointwise.relu(this);
  }

  /** Hyperbolic tangent of each element. */
  tanh(): Value {
    return pointwise.tanh(this);
  }

  /** Mean over `dims` (all axes by default; negative ones count from the end). @throws {@link ArgumentError} for an axis that does not exist or comes twice */
  mean(dims?: number | readonly number[], options: MeanOptions = {}): Value {
    return reduce.mean(this, dims, options);
  }

  /** Variance over `dims` (all axes by default), divided by count - 1 unless `unbiased` is false. @throws {@link ArgumentError} for an axis that does not exist or comes twice */
  var(dims?: number | readonly number[], options: VarOptions = {}): Value {
    return reduce.variance(this, dims, options);
  }

  /** The same elements in row-major order under another shape; one size may be -1. @throws {@link ShapeError} when the numbers of elements differ */
  view(...shape: Sizes): Value {
    return view(this, shape);
  }

  /** The axes in another order: `x.permute(0, 2, 3, 1)`. @throws {@link ArgumentError} unless every axis comes once */
  permute(...dims: Sizes): Value {
    return permute(this, dims);
  }

  /**
   * Elements `start` (default 0) to `end` (not included; default: the last one is) of axis `dim`, every `step`-th (default 1). Negative bounds count
   * from the end.
   * @throws {@link ArgumentError} for an axis that does not exist, or numbers that are no range
   * @throws {@link ShapeError} when nothing is left
   */
  slice(dim: number, start?: number, end?: number, step?: number): Value {
    return slice(this, dim, start, end, step);
  }

  /** The product of matrices [..., M, K] and [..., K, N], or of vectors, batched and broadcast. @throws {@link ShapeError} where they do not multiply */
  matmul(other: Expression): Value {
    return matmul(this, other);
  }
}

markCopy(Expression.prototype);
