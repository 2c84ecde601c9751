/** binary: two operands, broadcast. Equal shapes keep the layout they lie in; others are factored so that repeats fall on whole axes. */
import { broadcastTags, numel, type Shape, sameShape } from '../tensor/shape.js';
import { type LaidOutCall, NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { mergeAxes, splitRow } from './factor.js';
import type { BinaryKind } from './kernels.js';
import { blocked, type Dims } from './layout.js';
import { keptLayout, vectorsOf } from './pointwise_layouts.js';
import { binary as record } from './records.gen.js';
import { ACTIVATION_CODES, blockedDims, LANES, operandAt, rowsPerTile } from './tiles.js';

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

/** A, b and y as blocked pictures. Dense ones are vectors of four, one after another, whatever axes they cross. */
function dimsOf({ layouts, outputs: [shape = []] }: LaidOutCall<'binary'>): readonly [Dims, Dims, Dims] {
  const [lies] = layouts.outputs;
  if (lies?.kind !== 'dense')
    return [blockedDims(layouts.inputs[0]), blockedDims(layouts.inputs[1]), blockedDims(lies)];
  const [rows, columns] = splitRow(vectorsOf(lies, shape));
  const flat: Dims = [1, LANES, rows, columns];
  return [flat, flat, flat];
}

export const binary: OpDescriptor<'binary'> = {
  op: 'binary',
  inPlace: [0, 1],
  layouts({ inputs: [a, b], outputs: [shape = []] }, current) {
    if (sameShape(a ?? [], b ?? [])) {
      const lies = keptLayout(current, shape);
      return { inputs: [lies, lies], outputs: [lies] };
    }
    const factored = broadcastDims(a ?? [], b ?? [], shape);
    return { inputs: [blocked(factored.a), blocked(factored.b)], outputs: [blocked(factored.output)] };
  },
  workspace: () => NO_WORKSPACE,
  records(call, { inputs, outputs }) {
    const { kind, activation } = call.attributes;
    const [a, b, y] = dimsOf(call);
    const [n, c, h, w] = y;
    return [
      record({
        a: operandAt(inputs, 0),
        b: operandAt(inputs, 1),
        y: operandAt(outputs, 0),
        n,
        c,
        h,
        w,
        aBroadcast: repeated(a, y),
        bBroadcast: repeated(b, y),
        kind: CODES[kind],
        activation: ACTIVATION_CODES[activation],
        tileRows: rowsPerTile(w * 4),
      }),
    ];
  },
  flops: ({ outputs: [shape = []] }) => numel(shape),
};
