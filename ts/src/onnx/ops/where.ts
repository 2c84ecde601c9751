import { ELEMENT } from '../codes.js';
import { inputOf, type ToOnnx } from './to_onnx.js';

export const where: ToOnnx<'where'> = (to, node) => {
  const { builder } = to;
  // ONNX's condition is a boolean.
  const condition = builder.node('Cast', node.name, [to.name(inputOf(node))], { to: ELEMENT.BOOL });
  const either = node.attributes.numbers.map((number, index) => {
    const id = node.inputs[index + 1];
    return id == null ? builder.scalar(number) : to.name(id);
  });
  return builder.node('Where', node.name, [condition, ...either]);
};
