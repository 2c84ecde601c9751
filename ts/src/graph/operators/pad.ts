/** pad: a border of a constant, of reflected or of repeated elements, as torch.nn.functional.pad and ONNX's Pad. */
import { ShapeError, UnsupportedError } from '../../errors.js';
import type { PaddingMode } from '../../ops/kernels.js';
import { numel, type Shape, spell } from '../../tensor/shape.js';
import { floats, type NeededRows, type Operator, type Rows, shapeAt } from './operator.js';

/** Input: x of any rank. */
export interface Pad {
  /** Before and after, an axis of x each; negative ones crop. */
  readonly pads: readonly (readonly [before: number, after: number])[];
  readonly mode: PaddingMode;
  /** Of mode 'zeros'. */
  readonly value: number;
}

/** The padded size of one axis. @throws {@link ShapeError} when reflection needs more than there is, or nothing is left */
export function checkPadded(
  size: number,
  before: number,
  after: number,
  mode: PaddingMode,
  side: string,
  caller: string,
): number {
  const limit = size - 1;
  if (mode === 'reflect' && (before > limit || after > limit)) {
    throw new ShapeError(`the ${side} is too small for reflection padding`, {
      op: caller,
      got: `${side} ${size} with padding ${before} and ${after}`,
      wanted: `padding <= ${limit}, one less than the ${side}`,
      hint: `Use a picture of ${side} ${Math.max(before, after) + 1} or more.`,
    });
  }
  const padded = size + before + after;
  if (padded >= 1 && before >= -size && after >= -size) return padded;
  throw new ShapeError(`nothing is left of the ${side}`, {
    op: caller,
    got: `${side} ${size} with padding ${before} and ${after}`,
    wanted: 'at least one element',
  });
}

/** Rows of the input that padded rows show. A border that is reflected or repeated shows rows, too. */
export function paddedRows(
  { first, last }: Rows,
  { before, size, mode }: { readonly before: number; readonly size: number; readonly mode: PaddingMode },
): NeededRows {
  const rowOf = (padded: number): number => {
    const row = padded - before;
    if (mode === 'reflect') return row < 0 ? -row : row >= size ? 2 * (size - 1) - row : row;
    return Math.min(size - 1, Math.max(0, row));
  };
  const [a, b] = [rowOf(first), rowOf(last)];
  // Between a mirrored and a straight row lies the edge.
  const crosses = (row: number): boolean => first - before <= row && row <= last - before;
  const lowest = Math.min(a, b, crosses(0) ? 0 : a);
  const highest = Math.max(a, b, crosses(size - 1) ? size - 1 : a);
  return { first: lowest, last: highest };
}

const SIDES = ['width', 'height'];

export const pad: Operator<Pad> = {
  roles: ['input'],
  infer({ pads, mode }, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    const sizes = shape.map((size, axis) => {
      const [before = 0, after = 0] = pads[axis] ?? [];
      const fromEnd = shape.length - axis;
      if (fromEnd > 2 && (before !== 0 || after !== 0)) {
        throw new UnsupportedError('padding of an axis before the last two', {
          op: caller,
          got: `axis ${axis} of input ${spell(shape)}`,
          wanted: 'height and width',
        });
      }
      return checkPadded(size, before, after, mode, SIDES[fromEnd - 1] ?? `axis ${axis}`, caller);
    });
    return [floats(sizes)];
  },
  lower({ attributes: { pads, mode, value }, inputs: [x], outputs: [y] }, to) {
    const four = (shape: Shape): Shape => [
      numel(shape.slice(0, -3)),
      shape.at(-3) ?? 1,
      shape.length > 1 ? (shape.at(-2) ?? 1) : 1,
      shape.at(-1) ?? 1,
    ];
    const [top, bottom] = (pads.length > 1 ? pads.at(-2) : undefined) ?? [0, 0];
    const [left, right] = pads.at(-1) ?? [0, 0];
    const told = { padding: [top, bottom, left, right], mode, value } as const;
    const padded = to.append('pad', [to.view(to.x, four(x ?? []))], told, four(y ?? []));
    return [to.view(padded, y ?? [])];
  },
  rows({ attributes: { pads, mode }, inputs: [x] }, rows) {
    const [before = 0] = pads.at(-2) ?? [];
    return [paddedRows(rows, { before, size: x?.at(-2) ?? 1, mode })];
  },
};
