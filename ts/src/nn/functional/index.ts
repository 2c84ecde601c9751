/** nn.functional: what layers do, as functions of values and parameters, under PyTorch's names in camelCase. */
import type { Expression, Operand } from '../../graph/expression.js';
import type { Value } from '../../graph/value.js';
import { binary } from './pointwise.js';

export type { Pair } from './check.js';
export {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  convTranspose2d,
  type Padding,
} from './conv.js';
export {
  type AffineOptions,
  type BatchNormOptions,
  batchNorm,
  groupNorm,
  type InstanceNormOptions,
  instanceNorm,
  layerNorm,
} from './norm.js';
export { type PadOptions, pad } from './pad.js';
export { type InplaceOptions, rdiv, relu, rsub, sqrt, tanh } from './pointwise.js';
export { mean, variance } from './reduce.js';

/** x + other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
export function add(x: Expression, other: Operand): Value {
  return binary('add', x, other);
}

/** x - other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
export function sub(x: Expression, other: Operand): Value {
  return binary('sub', x, other);
}

/** x * other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
export function mul(x: Expression, other: Operand): Value {
  return binary('mul', x, other);
}

/** x / other, broadcasting. @throws {@link ShapeError} when the shapes do not broadcast */
export function div(x: Expression, other: Operand): Value {
  return binary('div', x, other);
}
