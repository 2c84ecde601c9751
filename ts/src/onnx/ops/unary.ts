import { ARITHMETIC } from './binary.js';
import { inputOf, type ToOnnx } from './to_onnx.js';

export const unary: ToOnnx<'unary'> = (to, node) => {
  const { builder } = to;
  const { kind, numbers } = node.attributes;
  const [value = 0] = numbers;
  const x = to.name(inputOf(node));
  switch (kind) {
    case 'relu':
      return builder.node('Relu', node.name, [x]);
    case 'tanh':
      return builder.node('Tanh', node.name, [x]);
    case 'sqrt':
      return builder.node('Sqrt', node.name, [x]);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
      return builder.node(ARITHMETIC[kind], node.name, [x, builder.scalar(value)]);
    case 'rsub':
      return builder.node('Sub', node.name, [builder.scalar(value), x]);
    case 'rdiv':
      return builder.node('Div', node.name, [builder.scalar(value), x]);
    default:
      return kind satisfies never;
  }
};
