/** The program that results of convolutions, matrix products and instance norms pass: which operands it may have, and their fields of records. */
import { denseStrides, type Shape } from '../tensor/shape.js';
import type { Operand } from './descriptor.js';
import { type EpilogueFields, KINDS } from './records.gen.js';
import { channelBlocks, LANES } from './tiles.js';

/** Shorter rows of matrices are not worth a call each: they need operands that go on from row to row, or are one number. */
const LEAST_ROW = 64;

/** How an operand lies beside results. */
interface Beside {
  readonly kind: number;
  readonly outer: number;
  readonly inner: number;
}

/** A shape with ones before it, of as many axes as `like`; null where it is not the same or 1 along each. */
function aligned(shape: Shape, like: Shape): Shape | null {
  const lead = like.length - shape.length;
  if (lead < 0) return null;
  const sizes = like.map((_, axis) => shape[axis - lead] ?? 1);
  return sizes.every((size, axis) => size === 1 || size === like[axis]) ? sizes : null;
}

/** Of a picture's results [N C H W], all blocked: an operand is theirs in H and W, or one number for all of both. */
function besidePicture(y: Shape, operand: Shape): Beside | null {
  const [n = 1, c = 1, h = 1, w = 1] = y;
  const sizes = aligned(operand, y);
  if (sizes === null) return null;
  const [on = 1, oc = 1, oh = 1, ow = 1] = sizes;
  if (oh * ow !== 1 && oh * ow !== h * w) return null;
  const [along, channels] = [oh * ow > 1, oc === c];
  const plane = LANES * oh * ow;
  return {
    kind: along ? (channels ? KINDS.same : KINDS.first) : channels ? KINDS.vector : KINDS.number,
    outer: on === n && n > 1 ? channelBlocks(oc) * plane : 0,
    inner: channels ? plane : 0,
  };
}

/** Of matrices [B M N], all dense. */
function besideMatrices(y: Shape, operand: Shape): Beside | null {
  const sizes = aligned(operand, y);
  if (sizes === null) return null;
  const [outer = 0, inner = 0, column = 0] = denseStrides(sizes).map((stride, axis) =>
    sizes[axis] === 1 ? 0 : stride,
  );
  const [, rows = 1, columns = 1] = y;
  const follow = (column !== 0) === (inner !== 0);
  if (!follow && rows > 1 && columns < LEAST_ROW) return null;
  return { kind: column === 0 ? KINDS.number : KINDS.same, outer, inner };
}

function beside(y: Shape, operand: Shape): Beside | null {
  return y.length === 4 ? besidePicture(y, operand) : besideMatrices(y, operand);
}

/** Whether results of shape `y`, [N C H W] or [B M N], can pass a program with an operand of this shape. */
export function canPassWith(y: Shape, operand: Shape): boolean {
  return beside(y, operand) !== null;
}

/** An operand's shape with an axis for each of y's. */
export function operandShape(y: Shape, operand: Shape): Shape {
  const sizes = aligned(operand, y);
  if (sizes === null) throw new RangeError(`an operand ${operand} beside results ${y}`);
  return sizes;
}

/** Fields of a record's epilogue: operands 1 to 3 of the program. */
export function epilogueFields(
  y: Shape,
  operands: readonly { readonly shape: Shape; readonly operand: Operand }[],
): EpilogueFields {
  const words: Record<string, number> = { operandKinds: 0 };
  operands.forEach(({ shape, operand }, index) => {
    const lies = beside(y, shape);
    if (lies === null) throw new RangeError(`an operand ${shape} beside results ${y}`);
    const name = `operand${index + 1}`;
    words[name] = operand;
    words[`${name}Outer`] = lies.outer;
    words[`${name}Inner`] = lies.inner;
    words.operandKinds = (words.operandKinds ?? 0) | (lies.kind << (4 * index));
  });
  return words as unknown as EpilogueFields;
}
