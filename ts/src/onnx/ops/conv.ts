import { padded } from './pad.js';
import { batched, inputOf, namesOf, outputShape, reshaped, type ToOnnx } from './to_onnx.js';

export const conv: ToOnnx<'conv'> = (to, node) => {
  const { stride, dilation, padding, paddingMode, groups } = node.attributes;
  const [top, bottom, left, right] = padding;
  const inside = paddingMode === 'zeros' || padding.every((size) => size === 0);
  const [, ...weights] = namesOf(to, node);
  const shape = to.shape(inputOf(node));
  const x = reshaped(to, node.name, to.name(inputOf(node)), shape, batched(shape));
  const border = [
    [0, 0],
    [0, 0],
    [top, bottom],
    [left, right],
  ] as const;
  const bordered = inside ? x : padded(to, node.name, x, border, paddingMode, 0);
  const y = to.builder.node('Conv', node.name, [bordered, ...weights], {
    kernel_shape: to.shape(inputOf(node, 1)).slice(2),
    strides: stride,
    dilations: dilation,
    pads: inside ? [top, left, bottom, right] : [0, 0, 0, 0],
    group: groups,
  });
  const output = outputShape(to, node);
  return reshaped(to, node.name, y, batched(output), output);
};
