/** unary: one element in, one out. */
import { numel } from '../tensor/shape.js';
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import type { UnaryKind } from './kernels.js';
import { keptLayout, vectorsOf } from './pointwise_layouts.js';
import { unary as record } from './records.gen.js';
import { operandAt, TILE_VECTORS } from './tiles.js';

const CODES = {
  relu: 0,
  tanh: 1,
  sqrt: 2,
  add: 3,
  sub: 4,
  mul: 5,
  div: 6,
  rsub: 7,
  rdiv: 8,
} as const satisfies Record<UnaryKind, number>;

export const unary: OpDescriptor<'unary'> = {
  op: 'unary',
  inPlace: [0],
  layouts({ outputs: [shape = []] }, current) {
    const lies = keptLayout(current, shape);
    return { inputs: [lies], outputs: [lies] };
  },
  workspace: () => NO_WORKSPACE,
  records({ attributes, layouts, outputs: [shape = []] }, { inputs, outputs }) {
    const [lies] = layouts.outputs;
    return [
      record({
        x: operandAt(inputs, 0),
        y: operandAt(outputs, 0),
        vectors: lies === undefined ? 0 : vectorsOf(lies, shape),
        kind: CODES[attributes.kind],
        value: attributes.value,
        tileVectors: TILE_VECTORS,
      }),
    ];
  },
  flops: ({ outputs: [shape = []] }) => numel(shape),
};
