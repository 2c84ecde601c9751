/** group_norm: mean and variance of each sample's each group of channels, as torch.nn.functional.group_norm. */
import { ShapeError } from '../../errors.js';
import { numel, spell } from '../../tensor/shape.js';
import { affineOf, channelDims, checkAffine, checkRank, lowerMeasured, tooFewValues } from './norms.js';
import { allRows, floats, type Operator, shapeAt } from './operator.js';

/** Inputs: x [N C ...], weight [C]?, bias [C]?. */
export interface GroupNorm {
  readonly groups: number;
  readonly eps: number;
}

export const groupNorm: Operator<GroupNorm> = {
  roles: ['input', 'weight', 'bias'],
  infer({ groups }, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    checkRank(shape, 2, caller);
    const c = shape[1] ?? 1;
    checkAffine(inputs, [c], caller);
    if (c % groups !== 0) {
      throw new ShapeError('the groups do not divide the channels', {
        op: caller,
        got: `${c} channels in input ${spell(shape)}`,
        wanted: `a multiple of ${groups}`,
      });
    }
    if (numel(shape) / groups === 1)
      throw tooFewValues(
        'expected more than 1 value per channel',
        shape,
        'at least 2 values per group',
        caller,
      );
    return [floats(shape)];
  },
  lower({ attributes: { groups, eps }, inputs }, to) {
    const shape = shapeAt(inputs, 0);
    return [
      lowerMeasured({ dims: channelDims(shape), statistics: 'input', groups, eps }, affineOf(to), shape, to),
    ];
  },
  rows: allRows,
};
