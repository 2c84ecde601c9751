/**
 * The cases of torch.nn: their tensors, PyTorch's modules by name and keyword arguments -> gouache's, and what gouache says to each: computes,
 * refuses, or does not have it.
 */
import { readFileSync } from 'node:fs';
import { readSafetensors, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { goldenUrl } from '../golden/golden.js';

export interface ModuleCase {
  readonly name: string;
  readonly module: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly mode: 'train' | 'eval';
  readonly steps: number;
  readonly output_shape: readonly number[];
  /** Arguments of the call itself. */
  readonly call?: Readonly<Record<string, unknown>>;
}

/** The cases by kind of module, with their tensors: those of generate_nn.py, and of generate_nn_more.py. */
export const GROUPS = [
  ...['activation', 'conv', 'norm', 'shape'].map((kind) => `nn/${kind}`),
  ...['activation', 'linear', 'norm', 'shape'].map((kind) => `nn-more/${kind}`),
].map((group) => ({
  group,
  cases: JSON.parse(readFileSync(goldenUrl(`${group}.json`), 'utf8')) as ModuleCase[],
  tensors: readSafetensors(readFileSync(goldenUrl(`${group}.safetensors`))).tensors,
}));

type Tensors = (typeof GROUPS)[number]['tensors'];

/** An input or output. */
export function tensorOf(tensors: Tensors, name: string): Tensor {
  const stored = tensors.get(name);
  if (stored?.dtype !== 'F32') throw new Error(`no float32 tensor ${name}`);
  return Tensor.from(new Float32Array(Uint8Array.from(stored.bytes).buffer), stored.shape);
}

/** The state dict before the first step. */
export function stateOf(tensors: Tensors, name: string): Map<string, nn.StoredTensor> {
  const prefix = `${name}/state/`;
  return new Map(
    [...tensors]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, tensor]) => [key.slice(prefix.length), tensor]),
  );
}

/** Difference over max(1, |wanted|); 0 for equal infinities and for NaN as wanted. */
function relativeError(got: number, wanted: number): number {
  if (Object.is(got, wanted) || got === wanted) return 0;
  const error = Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

/** The largest {@link relativeError} of two lists of numbers. */
export function largestError(got: Float32Array, wanted: Float32Array): number {
  return got.reduce((most, value, i) => Math.max(most, relativeError(value, wanted[i] ?? Number.NaN)), 0);
}

/** Modules that do not exist yet. One that comes must leave this list: a test looks for them in gouache/nn. */
export const ABSENT = [
  'AdaptiveAvgPool1d',
  'AdaptiveAvgPool2d',
  'AdaptiveMaxPool2d',
  'AvgPool2d',
  'BatchNorm3d',
  'CELU',
  'ChannelShuffle',
  'CircularPad1d',
  'CircularPad2d',
  'ConstantPad1d',
  'Conv1d',
  'ConvTranspose1d',
  'ELU',
  'Flatten',
  'GELU',
  'GLU',
  'Hardsigmoid',
  'Hardswish',
  'InstanceNorm3d',
  'Linear',
  'LocalResponseNorm',
  'LogSigmoid',
  'LogSoftmax',
  'MaxPool2d',
  'PixelShuffle',
  'PixelUnshuffle',
  'RMSNorm',
  'ReflectionPad1d',
  'ReplicationPad1d',
  'SELU',
  'Softmax',
  'Softplus',
  'Softsign',
  'Threshold',
  'Unflatten',
  'Upsample',
  'interpolate',
];

/** Whether the module exists, and the case calls it with its input alone: `output_size` is none of its arguments yet. */
export function isPresent({ module, call }: ModuleCase): boolean {
  return !ABSENT.includes(module) && call === undefined;
}

/** Whether the case asks for what this version promises to refuse with an UnsupportedError. */
export function isRefused({ module, args, mode }: ModuleCase): boolean {
  const tracks = args.track_running_stats === true;
  switch (module) {
    case 'InstanceNorm1d':
    case 'InstanceNorm2d':
      return tracks;
    case 'BatchNorm1d':
    case 'BatchNorm2d':
      return tracks && mode === 'train';
    case 'Conv2d':
      return args.padding_mode === 'circular';
    default:
      return false;
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** PyTorch's required arguments, which come by position; a module that is not listed has none. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  BatchNorm1d: ['num_features'],
  BatchNorm2d: ['num_features'],
  InstanceNorm1d: ['num_features'],
  InstanceNorm2d: ['num_features'],
  LayerNorm: ['normalized_shape'],
  GroupNorm: ['num_groups', 'num_channels'],
  Conv2d: ['in_channels', 'out_channels', 'kernel_size'],
  ConvTranspose2d: ['in_channels', 'out_channels', 'kernel_size'],
  ReflectionPad2d: ['padding'],
  ReplicationPad2d: ['padding'],
  ZeroPad2d: ['padding'],
  ConstantPad2d: ['padding', 'value'],
};

/** The case's module, made as its user would. */
export function makeModule({ module, args }: ModuleCase): nn.Module {
  const names = POSITIONAL[module] ?? [];
  const Layer: unknown = Reflect.get(nn, module);
  if (typeof Layer !== 'function') throw new Error(`no module ${module}`);
  const options = Object.fromEntries(
    Object.entries(args)
      .filter(([name]) => !names.includes(name))
      .map(([name, value]) => [camelCase(name), value]),
  );
  const made: unknown = Reflect.construct(Layer, [...names.map((name) => args[name]), options]);
  if (!(made instanceof nn.Module)) throw new Error(`${module} is not a module`);
  return made;
}
