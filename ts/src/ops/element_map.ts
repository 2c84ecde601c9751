/** Strided maps between the elements of two values: what one move kernel can do at once. Elements are counted in row-major order. */
import { denseStrides, numel } from '../tensor/shape.js';
import type { ElementMap } from './kernels.js';
import type { Layout } from './layout.js';
import { channelBlocks, LANES } from './tiles.js';

/** All elements in order. */
export function identityMap(elems: number): ElementMap {
  return { sizes: [elems], strides: [1], start: 0 };
}

export function isIdentity({ sizes, strides, start }: ElementMap): boolean {
  const dense = denseStrides(sizes);
  return start === 0 && strides.every((stride, axis) => sizes[axis] === 1 || stride === dense[axis]);
}

/** An axis of a box of elements, and the steps along it, in elements of either side. */
export interface Axis {
  readonly size: number;
  readonly steps: readonly number[];
}

/** A step of one side as a number of units of one of the side's factors. */
interface Unit {
  readonly factor: number;
  readonly units: number;
}

/** The factor that a step counts, and how often; null where it counts none of them whole. */
function unitOf(step: number, strides: readonly number[]): Unit | null {
  const factor = strides.findIndex((stride) => stride <= Math.abs(step));
  const stride = strides[factor];
  if (stride === undefined || step % stride !== 0) return null;
  return { factor, units: step / stride };
}

/** The axis, cut where a step would carry into the factor before; null where it cannot be. */
function split(
  axis: Axis,
  side: number,
  sizes: readonly number[],
  strides: readonly number[],
): Axis[] | null {
  const step = axis.steps[side] ?? 0;
  if (step === 0 || axis.size === 1) return [axis];
  const unit = unitOf(step, strides);
  if (unit === null) return null;
  const room = sizes[unit.factor] ?? 1;
  const units = Math.abs(unit.units);
  if (units * (axis.size - 1) < room) return [axis];
  const inner = room / units;
  if (!Number.isInteger(inner) || axis.size % inner !== 0 || inner <= 1) return null;
  const outer: Axis = { size: axis.size / inner, steps: axis.steps.map((one) => one * inner) };
  const rest = split(outer, side, sizes, strides);
  return rest === null ? null : [...rest, { size: inner, steps: axis.steps }];
}

/** The axes, cut so that a step of `side` stays within one factor of `sizes`; null where that cannot be, or positions from `start` would carry. */
export function within(
  axes: readonly Axis[],
  side: number,
  start: number,
  sizes: readonly number[],
): { readonly axes: Axis[]; readonly units: (Unit | null)[]; readonly starts: number[] } | null {
  const strides = denseStrides(sizes);
  const cut: Axis[] = [];
  for (const axis of axes) {
    const parts = split(axis, side, sizes, strides);
    if (parts === null) return null;
    cut.push(...parts);
  }
  const starts = sizes.map((size, factor) => Math.floor(start / (strides[factor] ?? 1)) % size);
  const low = [...starts];
  const high = [...starts];
  const units = cut.map(({ size, steps }) =>
    size === 1 || steps[side] === 0 ? null : unitOf(steps[side] ?? 0, strides),
  );
  units.forEach((unit, at) => {
    if (unit === null) return;
    const far = unit.units * ((cut[at]?.size ?? 1) - 1);
    if (far < 0) low[unit.factor] = (low[unit.factor] ?? 0) + far;
    else high[unit.factor] = (high[unit.factor] ?? 0) + far;
  });
  const carries = sizes.some((size, factor) => (low[factor] ?? 0) < 0 || (high[factor] ?? 0) >= size);
  return carries ? null : { axes: cut, units, starts };
}

/** `map` after `before`: from the output of the first to the input of the other; null where no strided map says it. */
export function composed(map: ElementMap, before: ElementMap, elems: number): ElementMap | null {
  if (numel(before.sizes) !== elems) return null;
  const axes = map.sizes.map((size, axis): Axis => ({ size, steps: [map.strides[axis] ?? 0] }));
  const found = within(axes, 0, map.start, before.sizes);
  if (found === null) return null;
  const strides = found.units.map((unit) =>
    unit === null ? 0 : unit.units * (before.strides[unit.factor] ?? 0),
  );
  const start = found.starts.reduce(
    (sum, at, factor) => sum + at * (before.strides[factor] ?? 0),
    before.start,
  );
  return { sizes: found.axes.map(({ size }) => size), strides, start };
}

/** How a side of a move is addressed. */
export interface Address {
  readonly start: number;
  readonly channelStart: number;
  /** Elements from a block of channels to the next. */
  readonly blockStride: number;
  /** By axis; `channels` says which of them step channels. */
  readonly steps: readonly number[];
  readonly channels: readonly boolean[];
}

/** A box of at most eight axes, from x to y. */
export interface Box {
  readonly sizes: readonly number[];
  readonly x: Address;
  readonly y: Address;
}

/** As many as the kernel takes. */
export const MOST_AXES = 8;

interface Factors {
  readonly sizes: readonly number[];
  /** Elements that a unit of each factor steps; null for the channels of blocks. */
  readonly steps: readonly (number | null)[];
  readonly blockStride: number;
}

function factorsOf(layout: Layout): Factors | null {
  if (layout.kind === 'dense') return { sizes: [layout.elems], steps: [1], blockStride: 0 };
  if (layout.kind !== 'blocked') return null;
  const [, c, h, w] = layout.dims;
  const blockStride = h * w * LANES;
  return { sizes: layout.dims, steps: [channelBlocks(c) * blockStride, null, w * LANES, LANES], blockStride };
}

function addressOf(
  { units, starts }: { readonly units: readonly (Unit | null)[]; readonly starts: readonly number[] },
  { steps, blockStride }: Factors,
): Address {
  const isChannels = (factor: number): boolean => steps[factor] === null;
  return {
    start: starts.reduce((sum, at, factor) => sum + at * (steps[factor] ?? 0), 0),
    channelStart: starts.reduce((sum, at, factor) => sum + (isChannels(factor) ? at : 0), 0),
    blockStride,
    steps: units.map((unit) => (unit === null ? 0 : unit.units * (steps[unit.factor] ?? 1))),
    channels: units.map((unit) => unit !== null && isChannels(unit.factor)),
  };
}

/** Neighbouring axes that both sides step alike are one. */
function merged(box: Box): Box {
  const sizes: number[] = [];
  const kept: number[] = [];
  box.sizes.forEach((size, axis) => {
    if (size === 1) return;
    const last = kept.at(-1);
    const joins = ({ steps, channels }: Address): boolean =>
      last !== undefined && channels[last] === channels[axis] && steps[last] === (steps[axis] ?? 0) * size;
    if (last !== undefined && joins(box.x) && joins(box.y)) {
      sizes[sizes.length - 1] = (sizes.at(-1) ?? 1) * size;
      kept[kept.length - 1] = axis;
    } else {
      sizes.push(size);
      kept.push(axis);
    }
  });
  const only = (address: Address): Address => ({
    ...address,
    steps: kept.map((axis) => address.steps[axis] ?? 0),
    channels: kept.map((axis) => address.channels[axis] ?? false),
  });
  return { sizes, x: only(box.x), y: only(box.y) };
}

/**
 * The box that moves elements by `map` from one layout to another; null where the kernel cannot do it at once.
 * @param at where y begins among the elements of its layout, and its strides there, where it is a part of them
 */
export function boxOf(
  { sizes, strides, start }: ElementMap,
  from: Layout,
  to: Layout,
  at: { readonly start: number; readonly strides: readonly number[] } = {
    start: 0,
    strides: denseStrides(sizes),
  },
): Box | null {
  const [x, y] = [factorsOf(from), factorsOf(to)];
  if (x === null || y === null) return null;
  const axes = sizes.map(
    (size, axis): Axis => ({ size, steps: [strides[axis] ?? 0, at.strides[axis] ?? 0] }),
  );
  const cutY = within(axes, 1, at.start, y.sizes);
  const cutX = cutY && within(cutY.axes, 0, start, x.sizes);
  // Cut for x, the axes are still within y's factors: their parts step less far.
  const both = cutX && within(cutX.axes, 1, at.start, y.sizes);
  if (both === null || cutX === null || both.axes.length !== cutX.axes.length) return null;
  const box = merged({
    sizes: both.axes.map(({ size }) => size),
    x: addressOf(cutX, x),
    y: addressOf(both, y),
  });
  return box.sizes.length <= MOST_AXES ? box : null;
}

/** Whether the kernel can move by `map` between these layouts at once. */
export function isMovable(map: ElementMap, from: Layout, to: Layout): boolean {
  return boxOf(map, from, to) !== null;
}
