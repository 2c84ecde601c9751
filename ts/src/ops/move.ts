/** move: elements to other places, in another order, or under another layout: a strided box of them, bit for bit. */
import { NO_WORKSPACE, type OpDescriptor, type Operand, type RecordWords } from './descriptor.js';
import { type Address, type Box, boxOf, MOST_AXES } from './element_map.js';
import type { Layout } from './layout.js';
import { freshLayout } from './pointwise_layouts.js';
import { moveStrided } from './records.gen.js';
import { operandAt, TILE_ELEMS } from './tiles.js';

/** The mask of axes that step channels, outermost first in `lead` leading ones that have one element. */
function maskOf({ channels }: Address, lead: number): number {
  return channels.reduce((bits, steps, axis) => (steps ? bits | (1 << (axis + lead)) : bits), 0);
}

/** The record that moves a box. */
export function moveRecord(x: Operand, y: Operand, box: Box): RecordWords {
  const lead = MOST_AXES - box.sizes.length;
  const size = (axis: number): number => box.sizes[axis - lead] ?? 1;
  const xStep = (axis: number): number => box.x.steps[axis - lead] ?? 0;
  // As the record wants it, though an axis of one element takes no step.
  const yStep = (axis: number): number => box.y.steps[axis - lead] ?? 1;
  return moveStrided({
    x,
    xStart: box.x.start,
    xChannels: maskOf(box.x, lead),
    xChannelStart: box.x.channelStart,
    xBlockStride: box.x.blockStride,
    xStep0: xStep(0),
    xStep1: xStep(1),
    xStep2: xStep(2),
    xStep3: xStep(3),
    xStep4: xStep(4),
    xStep5: xStep(5),
    xStep6: xStep(6),
    xStep7: xStep(7),
    y,
    yStart: box.y.start,
    yChannels: maskOf(box.y, lead),
    yChannelStart: box.y.channelStart,
    yBlockStride: box.y.blockStride,
    yStep0: yStep(0),
    yStep1: yStep(1),
    yStep2: yStep(2),
    yStep3: yStep(3),
    yStep4: yStep(4),
    yStep5: yStep(5),
    yStep6: yStep(6),
    yStep7: yStep(7),
    d0: size(0),
    d1: size(1),
    d2: size(2),
    d3: size(3),
    d4: size(4),
    d5: size(5),
    d6: size(6),
    d7: size(7),
    tileElems: TILE_ELEMS,
  });
}

/** The box that has to be there, since `layOut` has asked. */
export function boxBetween(box: Box | null, from: Layout, to: Layout): Box {
  if (box !== null) return box;
  throw new RangeError(`no move from ${from.kind} to ${to.kind}`);
}

export const move: OpDescriptor<'move'> = {
  op: 'move',
  inPlace: [],
  layouts: ({ inputs: [x], outputs: [y] }, [current]) => ({
    inputs: [current ?? freshLayout(x ?? [])],
    outputs: [freshLayout(y ?? [])],
  }),
  workspace: () => NO_WORKSPACE,
  records({ attributes, layouts }, { inputs, outputs }) {
    const [[from], [to]] = [layouts.inputs, layouts.outputs];
    if (from == null || to === undefined) throw new RangeError('a move without layouts');
    const box = boxBetween(boxOf(attributes, from, to), from, to);
    return [moveRecord(operandAt(inputs, 0), operandAt(outputs, 0), box)];
  },
  flops: () => 0,
};
