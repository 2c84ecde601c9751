/** Normalisation layers. New ones have weight 1 and bias 0, running mean 0 and running variance 1. */

import { checkOptions, epsilon, flag, whole } from '../../check.js';
import { ArgumentError, ShapeError, UnsupportedError } from '../../errors.js';
import { input } from '../../graph/methods/operand.js';
import { reshape } from '../../graph/methods/shape.js';
import { Buffer, Parameter } from '../../graph/parameter.js';
import type { Value } from '../../graph/value.js';
import { shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';
import { storedFill } from '../../tensor/stored.js';
import {
  batchNormAs,
  checkNormalizedShape,
  groupNormAs,
  instanceNormAs,
  layerNormAs,
} from '../functional/norm.js';
import { inModule, kindOf, Module } from '../module.js';

export interface NormOptions {
  /** Added to the variance (default 1e-5). */
  readonly eps?: number;
  /** Accepted for PyTorch's sake: running statistics are not updated (default 0.1). */
  readonly momentum?: number | null;
  /** Whether there are weight and bias (instance norm: default false; others: default true). */
  readonly affine?: boolean;
  /** Whether running statistics are kept (instance norm: only false so far; batch norm: default true). */
  readonly trackRunningStats?: boolean;
}

const NORM_OPTIONS = ['eps', 'momentum', 'affine', 'trackRunningStats'] as const;

function ones(shape: readonly number[]): Parameter {
  return new Parameter(storedFill(1, shape));
}

function zeros(shape: readonly number[]): Parameter {
  return new Parameter(storedFill(0, shape));
}

function momentumOf(momentum: number | null | undefined, op: string): void {
  if (momentum === null || momentum === undefined) return;
  if (Number.isFinite(momentum) && momentum >= 0 && momentum <= 1) return;
  throw new ArgumentError('momentum cannot be right', {
    op,
    got: shown(momentum),
    wanted: 'a number from 0 to 1, or null',
  });
}

function wrongRank(x: Value, op: string, wanted: string): ShapeError {
  return new ShapeError('wrong rank', { op, got: `${x.shape.length}-D input ${spell(x.shape)}`, wanted });
}

/** What the instance norms of all ranks share. */
abstract class InstanceNorm extends Module {
  /** For nn/snapshot.ts: what lies in private fields never changes. */
  static readonly constantPrivates: boolean = true;
  /** [numFeatures], or null without affine */
  readonly weight: Parameter | null;
  /** [numFeatures], or null without affine */
  readonly bias: Parameter | null;
  readonly numFeatures: number;
  readonly eps: number;
  readonly #spatialAxes: number;

  constructor(numFeatures: number, options: NormOptions, spatialAxes: number, op: string) {
    super();
    checkOptions(options, op, NORM_OPTIONS);
    this.numFeatures = whole(numFeatures, op, 'numFeatures', 1);
    this.eps = epsilon(options.eps ?? 1e-5, op);
    momentumOf(options.momentum, op);
    if (flag(options.trackRunningStats, op, 'trackRunningStats', false)) {
      throw new UnsupportedError('running statistics of instance norm', {
        op,
        hint: 'Leave out trackRunningStats.',
      });
    }
    const affine = flag(options.affine, op, 'affine', false);
    this.weight = affine ? ones([numFeatures]) : null;
    this.bias = affine ? zeros([numFeatures]) : null;
    this.#spatialAxes = spatialAxes;
  }

  /** @throws {@link ShapeError} for a wrong rank, wrong channels, or one spatial element only */
  override forward(x: Value): Value {
    const op = kindOf(this);
    return inModule(this, () => {
      input(x, op);
      const rank = x.shape.length;
      const batched = rank === this.#spatialAxes + 2;
      if (!batched && rank !== this.#spatialAxes + 1) {
        throw wrongRank(
          x,
          op,
          this.#spatialAxes === 1 ? '3-D [N, C, L] or 2-D [C, L]' : '4-D [N, C, H, W] or 3-D [C, H, W]',
        );
      }
      const channels = x.shape[batched ? 1 : 0];
      if (channels !== this.numFeatures) {
        throw new ShapeError('wrong number of channels', {
          op,
          got: `${channels} channels in input ${spell(x.shape)}`,
          wanted: `${this.numFeatures} channels`,
        });
      }
      const options = { weight: this.weight, bias: this.bias, eps: this.eps };
      if (batched) return instanceNormAs(x, options, op);
      return reshape(instanceNormAs(reshape(x, [1, ...x.shape]), options, op), x.shape);
    });
  }
}

/** Instance normalisation of [N, C, L] or [C, L]. */
export class InstanceNorm1d extends InstanceNorm {
  static override readonly kind: string = 'InstanceNorm1d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(numFeatures: number, options: NormOptions = {}) {
    super(numFeatures, options, 1, 'InstanceNorm1d');
  }
}

/** Instance normalisation of [N, C, H, W] or [C, H, W]: mean and variance of each sample's each channel. */
export class InstanceNorm2d extends InstanceNorm {
  static override readonly kind: string = 'InstanceNorm2d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(numFeatures: number, options: NormOptions = {}) {
    super(numFeatures, options, 2, 'InstanceNorm2d');
  }
}

/** What the batch norms of all ranks share. */
abstract class BatchNorm extends Module {
  /** [numFeatures], or null without affine */
  readonly weight: Parameter | null;
  /** [numFeatures], or null without affine */
  readonly bias: Parameter | null;
  /** [numFeatures], or null without running statistics */
  readonly runningMean: Buffer | null;
  /** [numFeatures], or null without running statistics */
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly numFeatures: number;
  readonly eps: number;

  constructor(numFeatures: number, options: NormOptions, op: string) {
    super();
    checkOptions(options, op, NORM_OPTIONS);
    this.numFeatures = whole(numFeatures, op, 'numFeatures', 1);
    this.eps = epsilon(options.eps ?? 1e-5, op);
    momentumOf(options.momentum, op);
    const affine = flag(options.affine, op, 'affine', true);
    const tracks = flag(options.trackRunningStats, op, 'trackRunningStats', true);
    this.weight = affine ? ones([numFeatures]) : null;
    this.bias = affine ? zeros([numFeatures]) : null;
    this.runningMean = tracks ? new Buffer(storedFill(0, [numFeatures]), { key: 'running_mean' }) : null;
    this.runningVar = tracks ? new Buffer(storedFill(1, [numFeatures]), { key: 'running_var' }) : null;
    // Files from before it existed lack it, and PyTorch loads them.
    this.numBatchesTracked = tracks
      ? new Buffer(storedFill(0, []), { key: 'num_batches_tracked', optional: true })
      : null;
  }

  protected normalize(x: Value, ranks: readonly number[], wanted: string): Value {
    const op = kindOf(this);
    return inModule(this, () => {
      input(x, op);
      if (!ranks.includes(x.shape.length)) throw wrongRank(x, op, wanted);
      const channels = x.shape[1];
      if (channels !== this.numFeatures) {
        throw new ShapeError('wrong number of channels', {
          op,
          got: `${channels} channels in input ${spell(x.shape)}`,
          wanted: `${this.numFeatures} channels`,
        });
      }
      const training = this.training || this.runningMean === null;
      const options = { weight: this.weight, bias: this.bias, eps: this.eps, training };
      return batchNormAs(x, this.runningMean, this.runningVar, options, op);
    });
  }
}

/** Batch normalisation of [N, C] or [N, C, L]. */
export class BatchNorm1d extends BatchNorm {
  static override readonly kind: string = 'BatchNorm1d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(numFeatures: number, options: NormOptions = {}) {
    super(numFeatures, options, 'BatchNorm1d');
  }

  /** @throws {@link UnsupportedError} in training mode with running statistics */
  override forward(x: Value): Value {
    return this.normalize(x, [2, 3], '2-D [N, C] or 3-D [N, C, L]');
  }
}

/** Batch normalisation of [N, C, H, W]: with running statistics in eval mode, with the batch's where none are kept. */
export class BatchNorm2d extends BatchNorm {
  static override readonly kind: string = 'BatchNorm2d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(numFeatures: number, options: NormOptions = {}) {
    super(numFeatures, options, 'BatchNorm2d');
  }

  /** @throws {@link UnsupportedError} in training mode with running statistics */
  override forward(x: Value): Value {
    return this.normalize(x, [4], '4-D [N, C, H, W]');
  }
}

export interface GroupNormLayerOptions {
  /** Added to the variance (default 1e-5). */
  readonly eps?: number;
  /** Whether there are weight and bias (default true). */
  readonly affine?: boolean;
}

/** Group normalisation of [N, C, ...]: mean and variance of each sample's each group of channels. */
export class GroupNorm extends Module {
  static override readonly kind: string = 'GroupNorm';
  /** [numChannels], or null without affine */
  readonly weight: Parameter | null;
  /** [numChannels], or null without affine */
  readonly bias: Parameter | null;
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;

  /** @throws {@link ArgumentError} when the groups do not divide the channels, or for numbers that cannot be right */
  constructor(numGroups: number, numChannels: number, options: GroupNormLayerOptions = {}) {
    super();
    const op = 'GroupNorm';
    checkOptions(options, op, ['eps', 'affine']);
    this.numGroups = whole(numGroups, op, 'numGroups', 1);
    this.numChannels = whole(numChannels, op, 'numChannels', 1);
    if (numChannels % numGroups !== 0) {
      throw new ArgumentError('numChannels must be divisible by numGroups', {
        op,
        got: `${numChannels} channels in ${numGroups} groups`,
      });
    }
    this.eps = epsilon(options.eps ?? 1e-5, op);
    const affine = flag(options.affine, op, 'affine', true);
    this.weight = affine ? ones([numChannels]) : null;
    this.bias = affine ? zeros([numChannels]) : null;
  }

  /** @throws {@link ShapeError} for a wrong rank or wrong channels */
  override forward(x: Value): Value {
    return inModule(this, () => {
      input(x, 'GroupNorm');
      const channels = x.shape[1];
      if (channels !== this.numChannels) {
        throw new ShapeError('wrong number of channels', {
          op: 'GroupNorm',
          got: `${channels} channels in input ${spell(x.shape)}`,
          wanted: `${this.numChannels} channels`,
        });
      }
      return groupNormAs(
        x,
        this.numGroups,
        { weight: this.weight, bias: this.bias, eps: this.eps },
        'GroupNorm',
      );
    });
  }
}

export interface LayerNormOptions {
  /** Added to the variance (default 1e-5). */
  readonly eps?: number;
  /** Whether there are weight and bias (default true). */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight (default true). */
  readonly bias?: boolean;
}

/** Layer normalisation over the trailing axes `normalizedShape`. */
export class LayerNorm extends Module {
  static override readonly kind: string = 'LayerNorm';
  /** Of shape normalizedShape, or null without affine */
  readonly weight: Parameter | null;
  /** Of shape normalizedShape, or null without affine or bias */
  readonly bias: Parameter | null;
  readonly normalizedShape: readonly number[];
  readonly eps: number;

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const op = 'LayerNorm';
    checkOptions(options, op, ['eps', 'elementwiseAffine', 'bias']);
    const sizes = checkNormalizedShape(normalizedShape, op);
    this.normalizedShape = sizes;
    this.eps = epsilon(options.eps ?? 1e-5, op);
    const affine = flag(options.elementwiseAffine, op, 'elementwiseAffine', true);
    const bias = flag(options.bias, op, 'bias', true);
    this.weight = affine ? ones(sizes) : null;
    this.bias = affine && bias ? zeros(sizes) : null;
  }

  /** @throws {@link ShapeError} when the input does not end in normalizedShape */
  override forward(x: Value): Value {
    const options = { weight: this.weight, bias: this.bias, eps: this.eps };
    return inModule(this, () => layerNormAs(x, this.normalizedShape, options, 'LayerNorm'));
  }
}
