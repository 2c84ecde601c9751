import type { BinaryKind } from '../../graph/operators/binary.js';
import { namesOf, type ToOnnx } from './to_onnx.js';

export const BINARY = {
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  pow: 'Pow',
  min: 'Min',
  max: 'Max',
  leaky_relu: 'PRelu',
} as const satisfies Record<BinaryKind, string>;

export const binary: ToOnnx<'binary'> = (to, node) =>
  to.builder.node(BINARY[node.attributes.kind], node.name, namesOf(to, node));
