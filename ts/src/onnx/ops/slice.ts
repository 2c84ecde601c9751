import { inputOf, type ToOnnx } from './to_onnx.js';

/** What ONNX takes for "through element 0, backwards". */
const BEFORE_FIRST = -(2 ** 31);

export const slice: ToOnnx<'slice'> = (to, node) => {
  const { starts, sizes, steps } = node.attributes;
  const ends = starts.map((start, axis) => {
    const end = start + (sizes[axis] ?? 1) * (steps[axis] ?? 1);
    return end < 0 ? BEFORE_FIRST : end;
  });
  const { builder } = to;
  const axes = starts.map((_, axis) => axis);
  const told = [starts, ends, axes, steps].map((numbers) => builder.int64(numbers));
  return builder.node('Slice', node.name, [to.name(inputOf(node)), ...told]);
};
