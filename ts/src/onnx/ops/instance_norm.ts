import { float } from '../builder.js';
import { affine, inputOf, type ToOnnx } from './to_onnx.js';

export const instanceNorm: ToOnnx<'instance_norm'> = (to, node) => {
  const x = inputOf(node);
  const inputs = [to.name(x), ...affine(to, node, to.shape(x)[1] ?? 1)];
  return to.builder.node('InstanceNormalization', node.name, inputs, { epsilon: float(node.attributes.eps) });
};
