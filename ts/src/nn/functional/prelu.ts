/** prelu: leakyRelu whose slopes are a parameter. */
import { ShapeError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import { input } from '../../graph/methods/operand.js';
import { binary } from '../../graph/methods/pointwise.js';
import { reshape } from '../../graph/methods/shape.js';
import type { Value } from '../../graph/value.js';
import { numel, spell } from '../../tensor/shape.js';

/**
 * x where it is above 0, elsewhere x times its channel's slope. x is [N, C, ...], or [C] of one sample's numbers; weight is [C] or [1].
 * @throws {@link ShapeError} when the slopes are neither one nor one a channel
 */
export function prelu(x: Expression, weight: Expression): Value {
  const op = 'prelu';
  const value = input(x, op);
  const slopes = input(weight, op);
  const [count, rank] = [numel(slopes.shape), value.shape.length];
  const channels = rank < 2 ? 1 : (value.shape[1] ?? 1);
  if (slopes.shape.length > 1 || (count !== 1 && count !== channels)) {
    throw new ShapeError('slopes that do not suit the channels', {
      op,
      got: `weight ${spell(slopes.shape)} for input ${spell(value.shape)}`,
      wanted: `[1] or [${channels}]`,
    });
  }
  const shape = value.shape.map((_, axis) => (axis === 1 ? count : 1));
  return binary('leaky_relu', value, count === 1 ? slopes : reshape(slopes, shape), op);
}
