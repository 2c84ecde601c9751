/** What convolution and transposed convolution check alike. */
import { ShapeError, UnsupportedError } from '../../errors.js';
import { type Shape, sameShape, spell } from '../../tensor/shape.js';
import type { ValueType } from './operator.js';

/** The kernels count coordinates, and floats from one pixel to the next, as far as this: MOST_COORDINATE and MOST_STEP_ELEMS in crates/kernels. */
export const MOST_COORDINATE = 2 ** 30;
export const MOST_STEP_ELEMS = 2 ** 29 - 1;

export type Side = 'height' | 'width';
export type Sizes4 = readonly [number, number, number, number];

/** N C H W of a batched or unbatched picture. @throws {@link ShapeError} for another rank */
export function pictureSizes(shape: Shape, caller: string): Sizes4 {
  const [a, b, c, d] = shape;
  if (a !== undefined && b !== undefined && c !== undefined && shape.length <= 4)
    return d === undefined ? [1, a, b, c] : [a, b, c, d];
  throw new ShapeError('wrong rank', {
    op: caller,
    got: `${shape.length}-D input ${spell(shape)}`,
    wanted: '4-D [N, C, H, W] or 3-D [C, H, W]',
    ...(shape.length === 2 ? { hint: 'A grey picture is [1, 1, H, W].' } : {}),
  });
}

/** N C H W as the input is batched or not. */
export function likeInput(shape: Shape, sizes: Sizes4): Shape {
  return shape.length === 4 ? sizes : sizes.slice(1);
}

/** The sizes of a weight. @throws {@link ShapeError} unless it has four axes */
export function weightSizes(shape: Shape, caller: string, spelling: string): Sizes4 {
  const [a, b, c, d] = shape;
  if (a !== undefined && b !== undefined && c !== undefined && d !== undefined && shape.length === 4)
    return [a, b, c, d];
  throw new ShapeError('wrong rank of weight', {
    op: caller,
    got: spell(shape),
    wanted: `4-D ${spelling}`,
  });
}

/** @throws {@link ShapeError} unless the groups divide a weight's outputs, or a transposed one's inputs: its first axis */
export function checkGroups(groups: number, first: number, weight: Shape, caller: string): void {
  if (first % groups === 0) return;
  throw new ShapeError('expected weight to be divisible by groups at dimension 0', {
    op: caller,
    got: `weight of size ${spell(weight)} with groups ${groups}`,
    wanted: `a multiple of ${groups}`,
  });
}

export function checkChannels(got: number, wanted: number, shape: Shape, caller: string): void {
  if (got === wanted) return;
  throw new ShapeError('wrong number of channels', {
    op: caller,
    got: `${got} channels in input ${spell(shape)}`,
    wanted: `${wanted} channels`,
    ...(wanted === 3 && got === 4 ? { hint: 'Drop the alpha channel, or use engine.paint.' } : {}),
  });
}

/** @throws {@link ShapeError} when an operand that is there has not this shape */
export function checkShape(
  operand: ValueType | null | undefined,
  shape: Shape,
  role: string,
  caller: string,
): void {
  if (operand === null || operand === undefined || sameShape(operand.shape, shape)) return;
  throw new ShapeError(`wrong shape of ${role}`, {
    op: caller,
    got: spell(operand.shape),
    wanted: spell(shape),
  });
}

/** Refuses what the kernels cannot count; it would have passed memory's end anyway, or be nothing but padding. */
export function checkReach(farthest: number, most: number, side: Side, caller: string): void {
  if (farthest <= most) return;
  throw new UnsupportedError(`stride, padding, kernel and dilation reach too far along the ${side}`, {
    op: caller,
    got: `${farthest} elements`,
    wanted: `at most ${most}`,
  });
}
