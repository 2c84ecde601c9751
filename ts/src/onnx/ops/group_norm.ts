import { numel } from '../../tensor/shape.js';
import { float } from '../builder.js';
import { inputOf, reshaped, type ToOnnx } from './to_onnx.js';

/** As instances of groups; operator set 18's GroupNormalization has a weight a group. */
export const groupNorm: ToOnnx<'group_norm'> = (to, node) => {
  const { groups, eps } = node.attributes;
  const x = inputOf(node);
  const shape = to.shape(x);
  const [n = 1, c = 1, ...spatial] = shape;
  const grouped = [n, groups, numel(shape) / (n * groups)];
  const viewed = reshaped(to, node.name, to.name(x), shape, grouped);
  const plain = [viewed, to.builder.repeated(1, groups), to.builder.repeated(0, groups)];
  const normalized = to.builder.node('InstanceNormalization', node.name, plain, { epsilon: float(eps) });
  let y = reshaped(to, node.name, normalized, grouped, shape);
  const [, weight = null, bias = null] = node.inputs;
  const sizes = [c, ...spatial.map(() => 1)];
  for (const [id, op] of [
    [weight, 'Mul'],
    [bias, 'Add'],
  ] as const) {
    if (id === null) continue;
    y = to.builder.node(op, node.name, [y, reshaped(to, node.name, to.name(id), to.shape(id), sizes)]);
  }
  return y;
};
