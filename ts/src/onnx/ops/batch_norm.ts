import { UnsupportedError } from '../../errors.js';
import { float } from '../builder.js';
import { affine, inputOf, type ToOnnx } from './to_onnx.js';

export const batchNorm: ToOnnx<'batch_norm'> = (to, node) => {
  const { eps, training } = node.attributes;
  if (training) {
    throw new UnsupportedError('statistics over a batch', {
      op: 'exportOnnx',
      got: `${node.name} in training mode`,
      hint: 'Call .eval() first, or use instance norm.',
    });
  }
  const x = inputOf(node);
  const stored = [to.name(inputOf(node, 3)), to.name(inputOf(node, 4))];
  const inputs = [to.name(x), ...affine(to, node, to.shape(x)[1] ?? 1), ...stored];
  return to.builder.node('BatchNormalization', node.name, inputs, { epsilon: float(eps) });
};
