import type { OnnxName } from '../builder.js';
import { inputOf, type ToOnnx } from './to_onnx.js';

export const reduce: ToOnnx<'reduce'> = (to, node) => {
  const { builder } = to;
  const { name } = node;
  const { axes, kind, keepdim, unbiased } = node.attributes;
  const id = inputOf(node);
  const x = to.name(id);
  const mean = (of: OnnxName, keeps: boolean): OnnxName =>
    builder.node('ReduceMean', name, [of], { axes, keepdims: keeps ? 1 : 0 });
  if (kind === 'mean') return mean(x, keepdim);
  const deviation = builder.node('Sub', name, [x, mean(x, true)]);
  const variance = mean(builder.node('Mul', name, [deviation, deviation]), keepdim);
  const count = axes.reduce((product, axis) => product * (to.shape(id)[axis] ?? 1), 1);
  return unbiased ? builder.node('Mul', name, [variance, builder.scalar(count / (count - 1))]) : variance;
};
