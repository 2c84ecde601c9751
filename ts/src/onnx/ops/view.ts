import { inputOf, type ToOnnx } from './to_onnx.js';

export const view: ToOnnx<'view'> = (to, node) =>
  to.builder.node('Reshape', node.name, [to.name(inputOf(node)), to.builder.int64(node.attributes.shape)]);
