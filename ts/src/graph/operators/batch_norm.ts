/** batch_norm: statistics of each channel, stored ones or the batch's, as torch.nn.functional.batch_norm and ONNX's BatchNormalization. */
import { ArgumentError } from '../../errors.js';
import { numel } from '../../tensor/shape.js';
import { checkShape } from './conv_checks.js';
import {
  affineOf,
  channelDims,
  checkAffine,
  checkRank,
  lowerMap,
  lowerMeasured,
  tooFewValues,
} from './norms.js';
import { allRows, floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Inputs: x [N C ...], weight [C]?, bias [C]?, and unless `training` runningMean [C], runningVar [C]. */
export interface BatchNorm {
  readonly eps: number;
  /** Statistics of the batch. */
  readonly training: boolean;
}

export const batchNorm: Operator<BatchNorm> = {
  roles: ['input', 'weight', 'bias', 'runningMean', 'runningVar'],
  infer({ training }, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    checkRank(shape, 2, caller);
    const channels = [shape[1] ?? 1];
    checkAffine(inputs, channels, caller);
    checkShape(inputs[3], channels, 'runningMean', caller);
    checkShape(inputs[4], channels, 'runningVar', caller);
    if (!training && (inputs[3] == null || inputs[4] == null)) {
      const wanted = 'runningMean and runningVar of shape [C]';
      throw new ArgumentError('no running statistics', { op: caller, wanted });
    }
    if (training && numel(shape) === shape[1]) {
      const wanted = 'at least 2 values per channel: the variance of one is 0';
      throw tooFewValues('expected more than 1 value per channel when training', shape, wanted, caller);
    }
    return [floats(shape)];
  },
  lower({ attributes: { eps, training }, inputs }, to) {
    const shape = shapeAt(inputs, 0);
    const dims = channelDims(shape);
    const groups = dims[1];
    if (training) return [lowerMeasured({ dims, statistics: 'batch', groups, eps }, affineOf(to), shape, to)];
    const [, weight = null, bias = null, mean = null, variance = null] = to.inputs;
    const stored = [mean, variance, weight, bias];
    const constants = to.append(
      'running_constants',
      stored,
      { channels: groups, eps },
      [1, groups],
      'opaque',
    );
    return [lowerMap(dims, to.x, constants, shape, to)];
  },
  rows: (use, rows) =>
    use.attributes.training || (use.inputs[0]?.length ?? 0) < 4
      ? allRows(use)
      : [sameRows(use, rows)[0] ?? null, ...allRows(use).slice(1)],
};
