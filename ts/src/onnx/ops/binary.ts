import type { BinaryKind } from '../../graph/operators/binary.js';
import { namesOf, type ToOnnx } from './to_onnx.js';

export const ARITHMETIC = { add: 'Add', sub: 'Sub', mul: 'Mul', div: 'Div' } as const satisfies Record<
  BinaryKind,
  string
>;

export const binary: ToOnnx<'binary'> = (to, node) =>
  to.builder.node(ARITHMETIC[node.attributes.kind], node.name, namesOf(to, node));
