/** gouache/nn: modules, layers, parameters and functions, under PyTorch's names. */
export type { Expression, MeanOptions, Operand, VarOptions } from '../graph/expression.js';
export { Buffer, Parameter, type ParameterOptions, type ParameterValues } from '../graph/parameter.js';
export { Value } from '../graph/value.js';
export type { StoredDtype, StoredTensor } from '../tensor/stored.js';
export { ModuleList, Sequential } from './containers.js';
export * as functional from './functional/index.js';
export * from './layers/activation.js';
export {
  Conv2d,
  type Conv2dLayerOptions,
  ConvTranspose2d,
  type ConvTranspose2dLayerOptions,
} from './layers/conv.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  GroupNorm,
  type GroupNormLayerOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  LayerNorm,
  type LayerNormOptions,
  type NormOptions,
} from './layers/norm.js';
export {
  ConstantPad2d,
  type PadAmounts,
  ReflectionPad2d,
  ReplicationPad2d,
  ZeroPad2d,
} from './layers/pad.js';
export { Module, type ModuleOutput } from './module.js';
export type { LoadOptions, LoadResult, StateDict, StateDictEntry, StateDictSource } from './state_dict.js';
