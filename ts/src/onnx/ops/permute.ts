import { inputOf, type ToOnnx } from './to_onnx.js';

export const permute: ToOnnx<'permute'> = (to, node) =>
  to.builder.node('Transpose', node.name, [to.name(inputOf(node))], { perm: node.attributes.order });
