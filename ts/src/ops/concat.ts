/** concat: values one behind the other along an axis, each by a move into its part of the output. */
import { denseStrides } from '../tensor/shape.js';
import { type Call, NO_WORKSPACE, type OpDescriptor, type Operand, type RecordWords } from './descriptor.js';
import { boxOf } from './element_map.js';
import { blocked, dense, type Layout } from './layout.js';
import { boxBetween, moveRecord } from './move.js';
import { LANES, operandAt, pictureDims } from './tiles.js';

/** Where each input begins along the axis. */
function startsOf({ attributes: { axis }, inputs }: Call<'concat'>): number[] {
  let next = 0;
  return inputs.map((shape) => {
    const start = next;
    next += shape?.[axis] ?? 0;
    return start;
  });
}

/** Where a part that begins at a whole block of channels of one sample lies; null for other parts. */
function partOperand(whole: Operand, layout: Layout, axis: number, start: number): Operand | null {
  if (layout.kind !== 'blocked' || layout.dims[0] !== 1 || axis !== 1 || start % LANES !== 0) return null;
  const [, , h, w] = layout.dims;
  // Operands count 16 bytes: a pixel of a block.
  return whole + (start / LANES) * h * w;
}

export const concat: OpDescriptor<'concat'> = {
  op: 'concat',
  inPlace: [],
  layouts({ inputs, outputs: [shape = []] }, current) {
    // Pictures stay blocked; anything else is as it is counted.
    const asPictures = shape.length === 4 && current.some((layout) => layout?.kind === 'blocked');
    const lies = (sizes: readonly number[]): Layout =>
      asPictures ? blocked(pictureDims(sizes)) : dense(sizes);
    return { inputs: inputs.map((sizes) => lies(sizes ?? [])), outputs: [lies(shape)] };
  },
  workspace: () => NO_WORKSPACE,
  records(call, { inputs, outputs }) {
    const { axis } = call.attributes;
    const [shape = []] = call.outputs;
    const [to] = call.layouts.outputs;
    if (to === undefined) throw new RangeError('a concat without layouts');
    const strides = denseStrides(shape);
    const starts = startsOf(call);
    return call.inputs.flatMap((sizes, index): RecordWords[] => {
      const from = call.layouts.inputs[index];
      if (sizes === null || from == null) throw new RangeError(`concat has no input ${index}`);
      const map = { sizes, strides: denseStrides(sizes), start: 0 };
      // What was made in its part is there.
      if (operandAt(inputs, index) === partOperand(operandAt(outputs, 0), to, axis, starts[index] ?? 0))
        return [];
      const part = { start: (starts[index] ?? 0) * (strides[axis] ?? 1), strides };
      const box = boxBetween(boxOf(map, from, to, part), from, to);
      return [moveRecord(operandAt(inputs, index), operandAt(outputs, 0), box)];
    });
  },
  flops: () => 0,
};
