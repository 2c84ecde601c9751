import { numel } from '../../tensor/shape.js';
import { float } from '../builder.js';
import { inputOf, type ToOnnx } from './to_onnx.js';

export const layerNorm: ToOnnx<'layer_norm'> = (to, node) => {
  const { normalizedShape, eps } = node.attributes;
  const x = inputOf(node);
  const [, weight = null, bias = null] = node.inputs;
  // The scale is not optional in ONNX.
  const elems = numel(normalizedShape);
  const ones = (): string =>
    to.builder.node('Reshape', node.name, [to.builder.repeated(1, elems), to.builder.int64(normalizedShape)]);
  const inputs = [
    to.name(x),
    weight === null ? ones() : to.name(weight),
    ...(bias === null ? [] : [to.name(bias)]),
  ];
  return to.builder.node('LayerNormalization', node.name, inputs, {
    axis: -normalizedShape.length,
    epsilon: float(eps),
  });
};
