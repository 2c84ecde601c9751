import { batched, inputOf, namesOf, outputShape, reshaped, type ToOnnx } from './to_onnx.js';

export const convTranspose: ToOnnx<'conv_transpose'> = (to, node) => {
  const { stride, padding, outputPadding, dilation, groups } = node.attributes;
  // Runtimes want less of it than the stride. What is added at the end may as well not be cut off there.
  const uncut = [0, 1].map((axis) => {
    const added = outputPadding[axis] ?? 0;
    return added < (stride[axis] ?? 1) ? 0 : Math.min(added, padding[axis] ?? 0);
  });
  const less = (sizes: readonly number[]): number[] => sizes.map((size, axis) => size - (uncut[axis] ?? 0));
  const [, ...weights] = namesOf(to, node);
  const shape = to.shape(inputOf(node));
  const x = reshaped(to, node.name, to.name(inputOf(node)), shape, batched(shape));
  const y = to.builder.node('ConvTranspose', node.name, [x, ...weights], {
    kernel_shape: to.shape(inputOf(node, 1)).slice(2),
    strides: stride,
    dilations: dilation,
    pads: [...padding, ...less(padding)],
    output_padding: less(outputPadding),
    group: groups,
  });
  const output = outputShape(to, node);
  return reshaped(to, node.name, y, batched(output), output);
};
