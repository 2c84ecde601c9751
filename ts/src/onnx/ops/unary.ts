import type { UnaryKind } from '../../graph/operators/unary.js';
import { float } from '../builder.js';
import { BINARY } from './binary.js';
import { inputOf, type ToOnnx } from './to_onnx.js';

/** Functions that operator set 17 has an operator of one input for. */
const FUNCTIONS: Partial<Record<UnaryKind, string>> = {
  abs: 'Abs',
  exp: 'Exp',
  log: 'Log',
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  sqrt: 'Sqrt',
  tanh: 'Tanh',
};

export const unary: ToOnnx<'unary'> = (to, node) => {
  const { builder } = to;
  const { kind, numbers } = node.attributes;
  const [first = 0, second = 0] = numbers;
  const x = to.name(inputOf(node));
  switch (kind) {
    case 'abs':
    case 'exp':
    case 'log':
    case 'relu':
    case 'sigmoid':
    case 'sqrt':
    case 'tanh':
      return builder.node(FUNCTIONS[kind] ?? kind, node.name, [x]);
    case 'silu':
      return builder.node('Mul', node.name, [x, builder.node('Sigmoid', node.name, [x])]);
    case 'mish': {
      const softplus = builder.node('Softplus', node.name, [x]);
      return builder.node('Mul', node.name, [x, builder.node('Tanh', node.name, [softplus])]);
    }
    case 'leaky_relu':
      return builder.node('LeakyRelu', node.name, [x], { alpha: float(first) });
    case 'clamp':
      return builder.node('Clip', node.name, [x, builder.scalar(first), builder.scalar(second)]);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'pow':
    case 'min':
    case 'max':
      return builder.node(BINARY[kind], node.name, [x, builder.scalar(first)]);
    case 'rsub':
      return builder.node('Sub', node.name, [builder.scalar(first), x]);
    case 'rdiv':
      return builder.node('Div', node.name, [builder.scalar(first), x]);
    default:
      return kind satisfies never;
  }
};
