/** instance_norm: mean and variance of each sample's each channel, as torch.nn.functional.instance_norm and ONNX's InstanceNormalization. */
import { numel } from '../../tensor/shape.js';
import { affineOf, channelDims, checkAffine, checkRank, lowerMeasured, tooFewValues } from './norms.js';
import { allRows, floats, type Operator, shapeAt } from './operator.js';

/** Inputs: x [N C ...], weight [C]?, bias [C]?. */
export interface InstanceNorm {
  readonly eps: number;
}

export const instanceNorm: Operator<InstanceNorm> = {
  roles: ['input', 'weight', 'bias'],
  infer(_attributes, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    checkRank(shape, 3, caller);
    checkAffine(inputs, [shape[1] ?? 1], caller);
    if (numel(shape.slice(2)) === 1) {
      const wanted = 'at least 2 elements per channel: the variance of one is 0';
      throw tooFewValues(
        'expected more than 1 spatial element',
        shape,
        wanted,
        caller,
        'Use a larger picture.',
      );
    }
    return [floats(shape)];
  },
  lower({ attributes: { eps }, inputs }, to) {
    const shape = shapeAt(inputs, 0);
    const dims = channelDims(shape);
    return [lowerMeasured({ dims, statistics: 'input', groups: dims[1], eps }, affineOf(to), shape, to)];
  },
  rows: allRows,
};
