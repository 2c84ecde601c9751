/** binary: two operands, broadcast. Equal shapes keep the factoring they lie in; others are factored so that repeats fall on whole axes. */
import type { BinaryKind, Dims, Shape } from '../graph/ir.js';
import { broadcastTags } from '../nn/functional/pointwise.js';
import { canonicalDims, mergeAxes, sameShape } from '../tensor/shape.js';
import type { OpDescriptor } from './descriptor.js';
import { binary as record } from './records.gen.js';
import { ACTIVATION_CODES, dimsAt, elems, operandAt, outputDims, rowsPerTile } from './tiles.js';

const CODES = { add: 0, sub: 1, mul: 2, div: 3 } as const satisfies Record<BinaryKind, number>;

/** Bit 0 N, bit 1 C, bit 2 H, bit 3 W: the axes along which `operand` is repeated. */
function repeated(operand: Dims, output: Dims): number {
  return output.reduce((bits, size, axis) => (operand[axis] === size ? bits : bits | (1 << axis)), 0);
}

/** N C H W of a broadcast: of both operands and of the output. */
export function broadcastDims(a: Shape, b: Shape, output: Shape): { a: Dims; b: Dims; output: Dims } {
  const { sizes, tags } = mergeAxes(output, broadcastTags(a, b, output), 'binary');
  const lead = 4 - sizes.length;
  const factor = (operand: 'a' | 'b' | null): Dims => {
    const at = (axis: number): number => {
      const repeats = operand !== null && (tags[axis - lead] ?? '').includes(operand);
      return repeats ? 1 : (sizes[axis - lead] ?? 1);
    };
    return [at(0), at(1), at(2), at(3)];
  };
  return { a: factor('a'), b: factor('b'), output: factor(null) };
}

export const binary: OpDescriptor<'binary'> = {
  op: 'binary',
  inPlace: [0, 1],
  dims(_node, shapes, current) {
    const [a = [], b = []] = shapes.inputs;
    if (sameShape(a, b)) {
      const dims = current[0] ?? current[1] ?? canonicalDims(shapes.output);
      return { inputs: [dims, dims], output: dims };
    }
    const factored = broadcastDims(a, b, shapes.output);
    return { inputs: [factored.a, factored.b], output: factored.output };
  },
  workspace: () => ({ temporaryBytes: [], scratchBytes: 0 }),
  weights: () => [],
  records({ attributes }, shapes, { inputs, output }) {
    const dims = outputDims(shapes);
    const [n, c, h, w] = dims;
    return [
      record({
        a: operandAt(inputs, 0),
        b: operandAt(inputs, 1),
        y: output,
        n,
        c,
        h,
        w,
        aBroadcast: repeated(dimsAt(shapes.dims.inputs, 0), dims),
        bBroadcast: repeated(dimsAt(shapes.dims.inputs, 1), dims),
        kind: CODES[attributes.kind],
        activation: ACTIVATION_CODES[attributes.activation],
        tileRows: rowsPerTile(w * 4),
      }),
    ];
  },
  flops: (_node, shapes) => elems(outputDims(shapes)),
};
