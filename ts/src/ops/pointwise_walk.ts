/** How a pointwise kernel walks: rows of the output that are as long as all operands allow, and the steps of each operand from row to row. */
import { denseStrides, type Shape } from '../tensor/shape.js';
import type { PointwiseProgram } from './kernels.js';
import type { Dims } from './layout.js';
import { isAffine } from './pointwise_program.js';
import { KINDS } from './records.gen.js';
import { channelBlocks, LANES } from './tiles.js';

/** Axes of rows that a record has. */
export const ROW_AXES = 5;

/** An axis of the output, and each operand's step along it, in floats; 0 where it is repeated. */
interface Axis {
  readonly size: number;
  readonly steps: readonly number[];
}

const { same: SAME, vector: VECTOR, first: FIRST, number: NUMBER, affine: AFFINE } = KINDS;
/** Floats of a map's m, s and b of a block. */
const MAP_ELEMS = 3 * LANES;

/** What each operand begins a row as: a map, or whatever the row grows to. */
export function kindsOf(program: PointwiseProgram, operands: number): readonly number[] {
  const maps = program.filter(isAffine).flatMap(({ args }) => args);
  return Array.from({ length: operands }, (_, k) =>
    maps.some((one) => typeof one === 'object' && one.operand === k) ? AFFINE : SAME,
  );
}

/** Whether operand `k` is a map: opaque constants, a set a sample or one for all. */
export function isMap(kinds: readonly number[], k: number): boolean {
  return kinds[k] === AFFINE;
}

export interface Walk {
  readonly rowElems: number;
  /** Of each operand. */
  readonly kinds: readonly number[];
  /** Of rows, outermost first. */
  readonly axes: readonly Axis[];
}

/** Axes of a dense output; operands' shapes are aligned at the last one. */
export function denseAxes(shape: Shape, operands: readonly Shape[]): Axis[] {
  const strides = operands.map(denseStrides);
  return shape.map((size, axis) => ({
    size,
    steps: operands.map((operand, k) => {
      const own = axis - shape.length + operand.length;
      return (operand[own] ?? 1) === 1 ? 0 : (strides[k]?.[own] ?? 0);
    }),
  }));
}

/** Axes of a blocked output: samples, blocks of channels, rows, columns, lanes. Of a map the first of `operands`' sizes counts: sets. */
export function blockedAxes(
  [n, c, h, w]: Dims,
  operands: readonly Dims[],
  kinds: readonly number[] = [],
): Axis[] {
  const sizes = [n, channelBlocks(c), h, w, LANES];
  const lie = operands.map(([on, oc, oh, ow], k) => {
    if (isMap(kinds, k)) return [on === 1 ? 0 : channelBlocks(c) * MAP_ELEMS, MAP_ELEMS, 0, 0, 0];
    const strides = denseStrides([on, channelBlocks(oc), oh, ow, LANES]);
    const repeats = [on !== n, oc !== c, oh !== h, ow !== w, oc !== c];
    return strides.map((stride, axis) => (repeats[axis] ? 0 : stride));
  });
  return sizes.map((size, axis) => ({ size, steps: lie.map((strides) => strides[axis] ?? 0) }));
}

/** The kind of an operand along a row that grows by an axis; null where no kind says it. */
function grown(kind: number | null, row: number, step: number): number | null {
  if (kind === AFFINE) return step === 0 ? AFFINE : null;
  if (row === 1) return step === 1 ? SAME : step === 0 ? NUMBER : null;
  if (kind === SAME && row === LANES && step === 0) return VECTOR;
  if (kind === NUMBER && row === LANES && step === LANES) return FIRST;
  const goesOn = kind === SAME || kind === FIRST ? step === row : step === 0;
  return goesOn ? kind : null;
}

/** The walk over these axes, or null where rows would need more axes than a record has. */
export function walkOf(axes: readonly Axis[], begun: readonly number[]): Walk | null {
  const rest = axes.filter(({ size }) => size > 1);
  let rowElems = 1;
  let kinds = begun;
  for (let axis = rest.at(-1); axis !== undefined; axis = rest.at(-1)) {
    const { size, steps } = axis;
    const next = kinds.map((kind, k) => grown(kind, rowElems, steps[k] ?? 0));
    if (!next.every((kind) => kind !== null)) break;
    kinds = next;
    rowElems *= size;
    rest.pop();
  }
  const merged: Axis[] = [];
  for (const axis of rest) {
    const outer = merged.at(-1);
    const follows = outer?.steps.every((step, k) => step === (axis.steps[k] ?? 0) * axis.size);
    if (outer !== undefined && follows) {
      merged[merged.length - 1] = { size: outer.size * axis.size, steps: axis.steps };
    } else merged.push(axis);
  }
  return merged.length > ROW_AXES ? null : { rowElems, kinds, axes: merged };
}

/** N C H W of an operand that is repeated in a blocked value of `shape`; null where an axis would be repeated in part. */
export function repeatedDims(dims: Dims, shape: Shape, operand: Shape): Dims | null {
  const strides = denseStrides(shape);
  const own = denseStrides(dims);
  const sizes = dims.map((size, d): number | null => {
    const stride = own[d] ?? 1;
    // Axes of the shape that this one is made of, or is a part of.
    const repeats = shape.flatMap((all, axis): boolean[] => {
      const step = strides[axis] ?? 1;
      const overlaps = all > 1 && step < stride * size && stride < step * all;
      return overlaps ? [(operand[axis - shape.length + operand.length] ?? 1) === 1] : [];
    });
    if (size === 1 || repeats.every((one) => !one)) return size;
    return repeats.every((one) => one) ? 1 : null;
  });
  const [n = null, c = null, h = null, w = null] = sizes;
  return n === null || c === null || h === null || w === null ? null : [n, c, h, w];
}
