/** unary: one element in, one out. */
import type { UnaryKind } from '../graph/ir.js';
import { canonicalDims } from '../tensor/shape.js';
import type { OpDescriptor } from './descriptor.js';
import { unary as record } from './records.gen.js';
import { blockedElems, elems, LANES, operandAt, outputDims, TILE_VECTORS } from './tiles.js';

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
  dims(_node, shapes, current) {
    const dims = current[0] ?? canonicalDims(shapes.output);
    return { inputs: [dims], output: dims };
  },
  workspace: () => ({ temporaryBytes: [], scratchBytes: 0 }),
  weights: () => [],
  records({ attributes }, shapes, { inputs, output }) {
    return [
      record({
        x: operandAt(inputs, 0),
        y: output,
        vectors: blockedElems(outputDims(shapes)) / LANES,
        kind: CODES[attributes.kind],
        value: attributes.value,
        tileVectors: TILE_VECTORS,
      }),
    ];
  },
  flops: (_node, shapes) => elems(outputDims(shapes)),
};
