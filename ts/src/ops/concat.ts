/** concat: values one behind the other along an axis, each by a move into its part of the output. */
import { denseStrides } from '../tensor/shape.js';
import { type Call, NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { boxOf } from './element_map.js';
import { blocked, dense, type Layout } from './layout.js';
import { boxBetween, moveRecord } from './move.js';
import { operandAt, pictureDims } from './tiles.js';

/** Where each input begins along the axis. */
function startsOf({ attributes: { axis }, inputs }: Call<'concat'>): number[] {
  let next = 0;
  return inputs.map((shape) => {
    const start = next;
    next += shape?.[axis] ?? 0;
    return start;
  });
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
    return call.inputs.map((sizes, index) => {
      const from = call.layouts.inputs[index];
      if (sizes === null || from == null) throw new RangeError(`concat has no input ${index}`);
      const map = { sizes, strides: denseStrides(sizes), start: 0 };
      const part = { start: (starts[index] ?? 0) * (strides[axis] ?? 1), strides };
      return moveRecord(
        operandAt(inputs, index),
        operandAt(outputs, 0),
        boxBetween(boxOf(map, from, to, part), from, to),
      );
    });
  },
  flops: () => 0,
};
