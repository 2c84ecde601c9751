/** PyTorch's modules by name and keyword arguments -> gouache's, and what gouache says to each: computes, refuses, or does not have it. */
import * as nn from 'gouache/nn';

export interface ModuleCase {
  readonly name: string;
  readonly module: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly mode: 'train' | 'eval';
  readonly steps: number;
  readonly output_shape: readonly number[];
}

/** Modules that do not exist yet. One that comes must leave this list: a test looks for them in gouache/nn. */
export const ABSENT = [
  'AdaptiveAvgPool2d',
  'AvgPool2d',
  'BatchNorm3d',
  'CircularPad2d',
  'Conv1d',
  'ConvTranspose1d',
  'ELU',
  'GELU',
  'Hardswish',
  'Hardtanh',
  'InstanceNorm3d',
  'LeakyReLU',
  'MaxPool2d',
  'PReLU',
  'PixelShuffle',
  'ReLU6',
  'ReflectionPad1d',
  'SiLU',
  'Sigmoid',
  'Softplus',
  'Upsample',
];

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
      return args.groups !== 1 || args.padding_mode === 'circular';
    case 'ConvTranspose2d':
      return args.groups !== 1 || args.dilation !== 1;
    default:
      return false;
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** PyTorch's required arguments, which come by position. */
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
  ReLU: [],
  Tanh: [],
};

/** The case's module, made as its user would. */
export function makeModule({ module, args }: ModuleCase): nn.Module {
  const names = POSITIONAL[module];
  const Layer: unknown = Reflect.get(nn, module);
  if (names === undefined || typeof Layer !== 'function') throw new Error(`no module ${module}`);
  const options = Object.fromEntries(
    Object.entries(args)
      .filter(([name]) => !names.includes(name))
      .map(([name, value]) => [camelCase(name), value]),
  );
  const made: unknown = Reflect.construct(Layer, [...names.map((name) => args[name]), options]);
  if (!(made instanceof nn.Module)) throw new Error(`${module} is not a module`);
  return made;
}
