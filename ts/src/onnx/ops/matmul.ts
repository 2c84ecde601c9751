import { namesOf, type ToOnnx } from './to_onnx.js';

export const matmul: ToOnnx<'matmul'> = (to, node) => to.builder.node('MatMul', node.name, namesOf(to, node));
