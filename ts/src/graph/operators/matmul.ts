/** matmul: the product of matrices, batched and broadcast, as torch.matmul and ONNX's MatMul. */
import { ShapeError } from '../../errors.js';
import { broadcast, denseStrides, numel, type Shape, sameShape, spell } from '../../tensor/shape.js';
import type { ValueId } from '../graph.js';
import { floats, type Lowering, type Operator, shapeAt } from './operator.js';

/** Inputs: a [..., M, K] or [K], b [..., K, N] or [K]. A vector is a matrix of one row, or of one column, whose axis the output lacks. */
export type MatMul = Record<never, never>;

interface Matrices {
  readonly a: Shape;
  readonly b: Shape;
  /** Axes before the matrices, broadcast. */
  readonly batch: Shape;
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/** Both as matrices. @throws {@link ShapeError} where they do not multiply */
function matrices(left: Shape, right: Shape, caller: string): Matrices {
  const refuse = (wanted: string): ShapeError =>
    new ShapeError('the matrices do not multiply', {
      op: caller,
      got: `${spell(left)} and ${spell(right)}`,
      wanted,
    });
  if (left.length === 0 || right.length === 0) throw refuse('at least one axis each');
  const a = left.length === 1 ? [1, ...left] : left;
  const b = right.length === 1 ? [...right, 1] : right;
  const [m = 1, k = 1] = a.slice(-2);
  const [rows = 1, n = 1] = b.slice(-2);
  if (k !== rows) throw refuse(`as many columns on the left as rows on the right: ${k} and ${rows}`);
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  if (batch === null) throw refuse('leading sizes that are equal or 1');
  return { a, b, batch, m, k, n };
}

/** A value as [B, rows, columns], repeated where its batch is smaller. */
function batched(x: ValueId, shape: Shape, batch: Shape, to: Lowering): { id: ValueId; sizes: Shape } {
  const own = shape.slice(0, -2);
  const matrix = shape.slice(-2);
  if (numel(own) === 1 || sameShape(own, batch)) {
    const sizes = [numel(own), ...matrix];
    return { id: to.view(x, sizes), sizes };
  }
  const sizes = [...batch, ...matrix];
  const strides = denseStrides(shape);
  const lead = sizes.length - shape.length;
  const repeated = sizes.map((size, axis) =>
    axis >= lead && shape[axis - lead] === size ? (strides[axis - lead] ?? 0) : 0,
  );
  const expanded = to.append('move', [x], { sizes, strides: repeated, start: 0 }, sizes);
  const flat = [numel(batch), ...matrix];
  return { id: to.view(expanded, flat), sizes: flat };
}

export const matmul: Operator<MatMul> = {
  roles: ['input', 'other'],
  infer(_attributes, inputs, caller) {
    const [left, right] = [shapeAt(inputs, 0), shapeAt(inputs, 1)];
    const { batch, m, n } = matrices(left, right, caller);
    return [floats([...batch, ...(left.length === 1 ? [] : [m]), ...(right.length === 1 ? [] : [n])])];
  },
  lower({ inputs, outputs: [y] }, to) {
    const { a, b, batch, m, k, n } = matrices(shapeAt(inputs, 0), shapeAt(inputs, 1), 'matmul');
    const [, right] = to.inputs;
    if (right == null) throw new RangeError('matmul has two inputs');
    // One right matrix serves all rows of the left ones.
    const oneRight = numel(b.slice(0, -2)) === 1;
    const rows = oneRight ? numel(a.slice(0, -2)) * m : m;
    const left = oneRight
      ? { id: to.view(to.x, [1, rows, k]), sizes: [1, rows, k] }
      : batched(to.x, a, batch, to);
    const other = oneRight
      ? { id: to.view(right, [1, k, n]), sizes: [1, k, n] }
      : batched(right, b, batch, to);
    const product = to.append('matmul', [left.id, other.id, null], { program: [] }, [
      Math.max(left.sizes[0] ?? 1, other.sizes[0] ?? 1),
      rows,
      n,
    ]);
    return [to.view(product, y ?? [])];
  },
  rows({ inputs }, rows) {
    // A product by a vector has the axis of rows last.
    const areMatrices = inputs.every((shape) => (shape?.length ?? 0) > 1);
    return [areMatrices ? rows : 'whole', 'whole'];
  },
};
