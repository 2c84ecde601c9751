import { float } from '../builder.js';
import { inputOf, normalizedGroups, reshaped, type ToOnnx } from './to_onnx.js';

/** As instances of groups; operator set 18's GroupNormalization has a weight a group. */
export const groupNorm: ToOnnx<'group_norm'> = (to, node) => {
  const { groups, eps } = node.attributes;
  const x = inputOf(node);
  const shape = to.shape(x);
  const told = { shape, samples: shape[0] ?? 1, groups, epsilon: float(eps) };
  let y = normalizedGroups(to, node.name, to.name(x), told);
  const [, weight = null, bias = null] = node.inputs;
  const sizes = [shape[1] ?? 1, ...shape.slice(2).map(() => 1)];
  for (const [id, op] of [
    [weight, 'Mul'],
    [bias, 'Add'],
  ] as const) {
    if (id === null) continue;
    y = to.builder.node(op, node.name, [y, reshaped(to, node.name, to.name(id), to.shape(id), sizes)]);
  }
  return y;
};
