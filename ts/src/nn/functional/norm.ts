/** Normalisation over instances, layers, groups and batches, PyTorch's arguments: y = (x - mean) / sqrt(var + eps) * weight + bias. */
import { checkOptions, epsilon, flag, whole } from '../../check.js';
import { ArgumentError, UnsupportedError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import { input } from '../../graph/methods/operand.js';
import { checkRank } from '../../graph/operators/norms.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import { shown } from '../../spell.js';
import { isShape } from '../../tensor/shape.js';
import { optionalWeight } from './weight.js';

export interface AffineOptions {
  /** [C] or null (default null). */
  readonly weight?: Expression | null;
  /** [C] or null (default null). */
  readonly bias?: Expression | null;
  /** Added to the variance (default 1e-5). */
  readonly eps?: number;
}

export interface InstanceNormOptions extends AffineOptions {
  /** [C]; with `useInputStats: false` they are used instead of the input's. */
  readonly runningMean?: Expression | null;
  /** [C] */
  readonly runningVar?: Expression | null;
  /** Take the statistics from the input (default true). */
  readonly useInputStats?: boolean;
}

export interface BatchNormOptions extends AffineOptions {
  /** Take the statistics from the batch; running ones are not updated yet, so they must be absent then (default false). */
  readonly training?: boolean;
}

/** Weight and bias as operands. */
function affine({ weight, bias }: AffineOptions, op: string): [Value | null, Value | null] {
  return [optionalWeight(weight, op, 'weight'), optionalWeight(bias, op, 'bias')];
}

function epsilonOf({ eps }: AffineOptions, op: string): number {
  return epsilon(eps ?? 1e-5, op);
}

/** By stored statistics. */
function byRunning(
  x: Expression,
  mean: Expression | null | undefined,
  variance: Expression | null | undefined,
  options: AffineOptions,
  op: string,
): Value {
  const stored = [optionalWeight(mean, op, 'runningMean'), optionalWeight(variance, op, 'runningVar')];
  const attributes = { eps: epsilonOf(options, op), training: false };
  return recorder(op).append('batch_norm', [input(x, op), ...affine(options, op), ...stored], attributes, op);
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
  const { runningMean, runningVar } = options;
  if (!flag(options.useInputStats, op, 'useInputStats', true)) {
    checkRank(input(x, op).shape, 3, op);
    return byRunning(x, runningMean, runningVar, options, op);
  }
  if (runningMean != null || runningVar != null) {
    throw new UnsupportedError('updating running statistics', {
      op,
      hint: 'Leave out runningMean and runningVar.',
    });
  }
  const operands = [input(x, op), ...affine(options, op)];
  return recorder(op).append('instance_norm', operands, { eps: epsilonOf(options, op) }, op);
}

/**
 * Batch normalisation of [N, C, ...]: statistics per channel, over the batch when `training`, else `runningMean` and `runningVar`.
 * @throws {@link ShapeError} for a wrong rank, weights of other channels, or one value per channel in training
 * @throws {@link UnsupportedError} for training with running statistics, whose update is not supported
 */
export function batchNorm(
  x: Expression,
  runningMean: Expression | null,
  runningVar: Expression | null,
  options: BatchNormOptions = {},
): Value {
  const op = 'batchNorm';
  checkOptions(options, op, ['weight', 'bias', 'eps', 'training']);
  return batchNormAs(x, runningMean, runningVar, options, op);
}

/** {@link batchNorm} for a layer called `op`. */
export function batchNormAs(
  x: Expression,
  runningMean: Expression | null,
  runningVar: Expression | null,
  options: BatchNormOptions,
  op: string,
): Value {
  if (!flag(options.training, op, 'training', false))
    return byRunning(x, runningMean, runningVar, options, op);
  if (runningMean != null || runningVar != null) {
    throw new UnsupportedError('updating running statistics in training mode', {
      op,
      hint: 'Call .eval() to use the stored statistics, or make the layer with { trackRunningStats: false }.',
    });
  }
  const operands = [input(x, op), ...affine(options, op), null, null];
  return recorder(op).append('batch_norm', operands, { eps: epsilonOf(options, op), training: true }, op);
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
  const groups = whole(numGroups, op, 'numGroups', 1);
  const operands = [input(x, op), ...affine(options, op)];
  return recorder(op).append('group_norm', operands, { groups, eps: epsilonOf(options, op) }, op);
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
  const sizes = checkNormalizedShape(normalizedShape, op);
  const operands = [input(x, op), ...affine(options, op)];
  const attributes = { normalizedShape: sizes, eps: epsilonOf(options, op) };
  return recorder(op).append('layer_norm', operands, attributes, op);
}
