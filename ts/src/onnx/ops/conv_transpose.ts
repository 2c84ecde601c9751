import { batched, inputOf, namesOf, outputShape, reshaped, type ToOnnx } from './to_onnx.js';

export const convTranspose: ToOnnx<'conv_transpose'> = (to, node) => {
  const { stride, padding, outputPadding } = node.attributes;
  const [, ...weights] = namesOf(to, node);
  const shape = to.shape(inputOf(node));
  const x = reshaped(to, node.name, to.name(inputOf(node)), shape, batched(shape));
  const y = to.builder.node('ConvTranspose', node.name, [x, ...weights], {
    kernel_shape: to.shape(inputOf(node, 1)).slice(2),
    strides: stride,
    dilations: [1, 1],
    pads: [...padding, ...padding],
    output_padding: outputPadding,
    group: 1,
  });
  const output = outputShape(to, node);
  return reshaped(to, node.name, y, batched(output), output);
};
