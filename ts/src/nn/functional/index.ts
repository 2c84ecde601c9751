/**
 * nn.functional: what layers do, as functions of values and parameters, under PyTorch's names in camelCase; and what a number in front of
 * an operator does. Arithmetic stands on values themselves, as in PyTorch.
 */
export type { Pair } from '../../check.js';
export {
  type InplaceOptions,
  rdiv,
  relu,
  rsub,
  sigmoid,
  tanh,
  where,
} from '../../graph/methods/pointwise.js';
export { cat } from '../../graph/methods/shape.js';
export * from './activation.js';
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
export { prelu } from './prelu.js';
