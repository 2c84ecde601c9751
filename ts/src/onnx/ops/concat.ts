import { namesOf, type ToOnnx } from './to_onnx.js';

export const concat: ToOnnx<'concat'> = (to, node) =>
  to.builder.node('Concat', node.name, namesOf(to, node), { axis: node.attributes.axis });
