/** Normalisation over instances, layers, groups and batches: y = (x - mean) / sqrt(var + eps) * weight + bias. */
import { ArgumentError, ShapeError, UnsupportedError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import type { Dims, OpAttributes } from '../../graph/ir.js';
import type { Parameter } from '../../graph/parameter.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import { shown } from '../../spell.js';
import { isShape, numel, sameShape, spell, splitRow } from '../../tensor/shape.js';
import { checkOptions, epsilon, flag, input, whole } from './check.js';
import { binary } from './pointwise.js';
import { weight as checkWeight } from './weights.js';

export interface AffineOptions {
  /** [C] or null (default null). */
  readonly weight?: Parameter | null;
  /** [C] or null (default null). */
  readonly bias?: Parameter | null;
  /** Added to the variance (default 1e-5). */
  readonly eps?: number;
}

export interface InstanceNormOptions extends AffineOptions {
  /** [C]; with `useInputStats: false` they are used instead of the input's. */
  readonly runningMean?: Parameter | null;
  /** [C] */
  readonly runningVar?: Parameter | null;
  /** Take the statistics from the input (default true). */
  readonly useInputStats?: boolean;
}

export interface BatchNormOptions extends AffineOptions {
  /** Take the statistics from the batch; running ones are not updated yet, so they must be absent then (default false). */
  readonly training?: boolean;
}

type Statistics = OpAttributes['normalize']['statistics'];

function normalize(
  x: Value,
  dims: Dims,
  statistics: Statistics,
  groups: number,
  eps: number,
  weights: Readonly<Record<string, Parameter | null>>,
  op: string,
): Value {
  const attributes = { dims, statistics, groups, eps, activation: 'none', residual: false } as const;
  return recorder(op).append('normalize', [x], attributes, x.shape, { weights });
}

function affine(
  options: AffineOptions,
  channels: number,
  op: string,
): { weight: Parameter | null; bias: Parameter | null } {
  return {
    weight: checkWeight(options.weight, op, 'weight', [channels]),
    bias: checkWeight(options.bias, op, 'bias', [channels]),
  };
}

function running(
  mean: Parameter | null | undefined,
  variance: Parameter | null | undefined,
  channels: number,
  op: string,
) {
  const runningMean = checkWeight(mean, op, 'runningMean', [channels]);
  const runningVar = checkWeight(variance, op, 'runningVar', [channels]);
  if (runningMean !== null && runningVar !== null) return { runningMean, runningVar };
  throw new ArgumentError('no running statistics', { op, wanted: 'runningMean and runningVar of shape [C]' });
}

/** N C H W of an input whose axis 1 is the channels. */
function channelDims(x: Value, op: string, least: number): Dims {
  const { shape } = x;
  if (shape.length < least) {
    throw new ShapeError('wrong rank', {
      op,
      got: `${shape.length}-D input ${spell(shape)}`,
      wanted: `at least ${least}-D [N, C, ...]`,
    });
  }
  const spatial = shape.slice(2);
  const [rows, columns] =
    spatial.length <= 1 ? splitRow(spatial[0] ?? 1) : [numel(spatial.slice(0, -1)), spatial.at(-1) ?? 1];
  return [shape[0] ?? 1, shape[1] ?? 1, rows, columns];
}

/**
 * Instance normalisation of [N, C, ...]: statistics per sample and channel.
 * @throws {@link ShapeError} for a wrong rank, weights of other channels, or one spatial element only
 */
export function instanceNorm(x: Expression, options: InstanceNormOptions = {}): Value {
  const op = 'instanceNorm';
  checkOptions(options, op, ['weight', 'bias', 'eps', 'runningMean', 'runningVar', 'useInputStats']);
  return instanceNormAs(x, options, op);
}

/** {@link instanceNorm} for a layer called `op`. */
export function instanceNormAs(x: Expression, options: InstanceNormOptions, op: string): Value {
  const value = input(x, op);
  const dims = channelDims(value, op, 3);
  const [, c, h, w] = dims;
  const eps = epsilon(options.eps ?? 1e-5, op);
  const weights = affine(options, c, op);
  if (flag(options.useInputStats, op, 'useInputStats', true)) {
    if (options.runningMean != null || options.runningVar != null) {
      throw new UnsupportedError('updating running statistics', {
        op,
        hint: 'Leave out runningMean and runningVar.',
      });
    }
    if (h * w === 1) {
      throw new ShapeError('expected more than 1 spatial element', {
        op,
        got: `input ${spell(value.shape)}`,
        wanted: 'at least 2 elements per channel: the variance of one is 0',
        hint: 'Use a larger picture.',
      });
    }
    return normalize(value, dims, 'input', c, eps, weights, op);
  }
  return normalize(
    value,
    dims,
    'running',
    c,
    eps,
    { ...weights, ...running(options.runningMean, options.runningVar, c, op) },
    op,
  );
}

/**
 * Batch normalisation of [N, C, ...]: statistics per channel, over the batch when `training`, else `runningMean` and `runningVar`.
 * @throws {@link ShapeError} for a wrong rank, weights of other channels, or one value per channel in training
 * @throws {@link UnsupportedError} for training with running statistics, whose update is not supported
 */
export function batchNorm(
  x: Expression,
  runningMean: Parameter | null,
  runningVar: Parameter | null,
  options: BatchNormOptions = {},
): Value {
  const op = 'batchNorm';
  checkOptions(options, op, ['weight', 'bias', 'eps', 'training']);
  return batchNormAs(x, runningMean, runningVar, options, op);
}

/** {@link batchNorm} for a layer called `op`. */
export function batchNormAs(
  x: Expression,
  runningMean: Parameter | null,
  runningVar: Parameter | null,
  options: BatchNormOptions,
  op: string,
): Value {
  const value = input(x, op);
  const dims = channelDims(value, op, 2);
  const [n, c, h, w] = dims;
  const eps = epsilon(options.eps ?? 1e-5, op);
  const weights = affine(options, c, op);
  if (!flag(options.training, op, 'training', false)) {
    return normalize(
      value,
      dims,
      'running',
      c,
      eps,
      { ...weights, ...running(runningMean, runningVar, c, op) },
      op,
    );
  }
  if (runningMean != null || runningVar != null) {
    throw new UnsupportedError('updating running statistics in training mode', {
      op,
      hint: 'Call .eval() to use the stored statistics, or make the layer with { trackRunningStats: false }.',
    });
  }
  if (n * h * w === 1) {
    throw new ShapeError('expected more than 1 value per channel when training', {
      op,
      got: `input ${spell(value.shape)}`,
      wanted: 'at least 2 values per channel: the variance of one is 0',
    });
  }
  return normalize(value, dims, 'batch', c, eps, weights, op);
}

/**
 * Group normalisation of [N, C, ...]: statistics per sample and group of channels.
 * @throws {@link ShapeError} for a wrong rank, channels that `numGroups` does not divide, or one value per group
 */
export function groupNorm(x: Expression, numGroups: number, options: AffineOptions = {}): Value {
  const op = 'groupNorm';
  checkOptions(options, op, ['weight', 'bias', 'eps']);
  return groupNormAs(x, numGroups, options, op);
}

/** {@link groupNorm} for a layer called `op`. */
export function groupNormAs(x: Expression, numGroups: number, options: AffineOptions, op: string): Value {
  const value = input(x, op);
  const dims = channelDims(value, op, 2);
  const [n, c, h, w] = dims;
  const groups = whole(numGroups, op, 'numGroups', 1);
  if (c % groups !== 0) {
    throw new ShapeError('the groups do not divide the channels', {
      op,
      got: `${c} channels in input ${spell(value.shape)}`,
      wanted: `a multiple of ${groups}`,
    });
  }
  if ((n * c * h * w) / groups === 1) {
    throw new ShapeError('expected more than 1 value per channel', {
      op,
      got: `input ${spell(value.shape)}`,
      wanted: 'at least 2 values per group',
    });
  }
  return normalize(
    value,
    dims,
    'input',
    groups,
    epsilon(options.eps ?? 1e-5, op),
    affine(options, c, op),
    op,
  );
}

/** The trailing sizes of a layer norm. @throws {@link ArgumentError} when there are none, or they cannot be right */
export function checkNormalizedShape(
  normalizedShape: number | readonly number[],
  op: string,
): readonly number[] {
  const sizes: readonly number[] = Array.isArray(normalizedShape)
    ? [...normalizedShape]
    : [normalizedShape as number];
  if (sizes.length === 0 || !isShape(sizes, 1)) {
    throw new ArgumentError('normalizedShape cannot be right', {
      op,
      got: shown(normalizedShape),
      wanted: 'a size, or a list of at least one, in whole numbers >= 1',
    });
  }
  return sizes;
}

/**
 * Layer normalisation over the trailing axes `normalizedShape`; weight and bias have that shape.
 * @throws {@link ShapeError} when the input does not end in `normalizedShape`
 */
export function layerNorm(
  x: Expression,
  normalizedShape: number | readonly number[],
  options: AffineOptions = {},
): Value {
  const op = 'layerNorm';
  checkOptions(options, op, ['weight', 'bias', 'eps']);
  return layerNormAs(x, normalizedShape, options, op);
}

/** {@link layerNorm} for a layer called `op`. */
export function layerNormAs(
  x: Expression,
  normalizedShape: number | readonly number[],
  options: AffineOptions,
  op: string,
): Value {
  const value = input(x, op);
  const sizes = checkNormalizedShape(normalizedShape, op);
  const { shape } = value;
  const leading = shape.length - sizes.length;
  if (leading < 0 || !sameShape(shape.slice(leading), sizes)) {
    throw new ShapeError('the input does not end in normalizedShape', {
      op,
      got: `input ${spell(shape)}`,
      wanted: `[*, ${sizes.join(', ')}]`,
    });
  }
  // The first normalised axis becomes the channels: any split serves, and this one keeps N C H W as it is.
  const dims: Dims = [
    numel(shape.slice(0, leading)),
    sizes[0] ?? 1,
    numel(sizes.slice(1, -1)),
    sizes.length > 1 ? (sizes.at(-1) ?? 1) : 1,
  ];
  const weight = checkWeight(options.weight, op, 'weight', sizes);
  const bias = checkWeight(options.bias, op, 'bias', sizes);
  const plain = normalize(value, dims, 'input', 1, epsilon(options.eps ?? 1e-5, op), {}, op);
  const scaled = weight === null ? plain : binary('mul', plain, weight);
  return bias === null ? scaled : binary('add', scaled, bias);
}
