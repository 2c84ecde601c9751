/** A plan of moves alone, of every kind that operators need, one record each; no graph makes it. */
import type { EncodedPlan } from '../../dist/graph/plan.js';
import { type MoveStridedFields, moveStrided } from '../../dist/ops/records.gen.js';
import { inArena, planOf } from './raw_records.js';

/** Bytes of x, and of y behind it. */
const SIDE_BYTES = 16_384;
const AXES = 8;

/** One side of a box: a step for each axis; those that `channels` names step channels. */
interface Side {
  readonly steps: readonly number[];
  readonly start?: number;
  readonly channels?: readonly number[];
  readonly channelStart?: number;
  readonly blockStride?: number;
}

/** The record of a box whose axes are the last ones of the record's. */
function move(sizes: readonly number[], x: Side, y: Side): Uint32Array {
  const first = AXES - sizes.length;
  const at = (list: readonly number[], axis: number, none: number) => list[axis - first] ?? none;
  const axes = Array.from({ length: AXES }, (_, axis) => axis);
  const mask = (side: Side) => (side.channels ?? []).reduce((bits, axis) => bits | (1 << (axis + first)), 0);
  const named = (name: string, value: (axis: number) => number) =>
    Object.fromEntries(axes.map((axis) => [`${name}${axis}`, value(axis)]));
  return moveStrided({
    x: inArena(0),
    xStart: x.start ?? 0,
    xChannels: mask(x),
    xChannelStart: x.channelStart ?? 0,
    xBlockStride: x.blockStride ?? 0,
    y: inArena(SIDE_BYTES),
    yStart: y.start ?? 0,
    yChannels: mask(y),
    yChannelStart: y.channelStart ?? 0,
    yBlockStride: y.blockStride ?? 0,
    tileElems: 200,
    ...named('d', (axis) => at(sizes, axis, 1)),
    ...named('xStep', (axis) => at(x.steps, axis, 0)),
    ...named('yStep', (axis) => at(y.steps, axis, 0)),
  } as MoveStridedFields);
}

/** Dense to blocked and back, a transposition, parts of channels, a broadcast, a pixel shuffle and a flip. */
export function encodedMoves(workers: number): EncodedPlan {
  const planar = { steps: [91, 1] };
  const blocked = { steps: [1, 4], channels: [0], blockStride: 4 * 91 };
  const records = [
    move([6, 91], planar, blocked),
    move([6, 91], blocked, planar),
    move([6, 91], blocked, { steps: [1, 6] }),
    move([37, 50], { steps: [1, 37] }, { steps: [50, 1] }),
    move([5, 91], { ...blocked, channelStart: 2 }, { ...blocked, channelStart: 1 }),
    move([9, 91], { steps: [1, 0] }, blocked),
    move(
      [5, 2, 2, 7, 9],
      { steps: [4, 2, 1, 36, 4], channels: [0, 1, 2], blockStride: 4 * 63 },
      { steps: [1, 72, 4, 144, 8], channels: [0], blockStride: 16 * 63 },
    ),
    move([30, 41], { steps: [41, -1], start: 40 }, { steps: [82, 2], start: 1 }),
  ];
  const y = { offset_bytes: SIDE_BYTES, bytes: SIDE_BYTES };
  return planOf(records, { arena_bytes: 2 * SIDE_BYTES, workers, outputs: [y] });
}
