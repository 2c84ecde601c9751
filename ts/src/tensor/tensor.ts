/** A concrete tensor: float32 numbers and a shape, what goes into and comes out of an engine. It has no arithmetic of its own. */
import { isArrayBuffer, isFloat32Array, typedArrayKind } from '../brand.js';
import { markCopy } from '../copies.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { shown } from '../spell.js';
import { denseStrides, isShape, numel, spell } from './shape.js';

export type NestedNumbers = number | NestedNumbers[];

/** What is wrong with data, or null. */
function alienIn(data: unknown): string | null {
  const kind = typedArrayKind(data);
  if (kind !== undefined) return kind.startsWith('Big') ? kind : null;
  if (data === null || typeof data !== 'object') return shown(data);
  if (!('length' in data) || typeof data.length !== 'number') return `${shown(data)}, which has no length`;
  const list = data as ArrayLike<unknown>;
  for (let index = 0; index < list.length; index++) {
    const element = list[index];
    if (typeof element !== 'number') return `${shown(element)} at ${index}`;
  }
  return null;
}

/** Dense row-major float32 numbers with a shape; never a view on wasm memory. */
export class Tensor {
  /** Spelled out, because bundlers rename classes, and consoles and messages show it. */
  static readonly name: string = 'Tensor';

  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly number[];
  readonly dtype = 'float32';

  private constructor(data: Float32Array<ArrayBuffer>, shape: readonly number[]) {
    this.data = data;
    this.shape = shape;
  }

  /**
   * A tensor of `shape` over `data` in row-major order. A Float32Array on an ArrayBuffer is taken as it is, not copied; anything else is copied.
   * @throws {@link ArgumentError} when `data` is not a list of numbers
   * @throws {@link ShapeError} when a size is not a whole number >= 0, or the sizes' product is not the number of elements
   */
  static from(data: ArrayLike<number> | Float32Array, shape: readonly number[]): Tensor {
    const op = 'Tensor.from';
    const alien = alienIn(data);
    if (alien !== null) {
      throw new ArgumentError('data is not a list of numbers', {
        op,
        got: alien,
        wanted: 'an array or a typed array of numbers',
        hint: 'Nested arrays must be flattened first, in row-major order.',
      });
    }
    if (!isShape(shape, 0)) {
      throw new ShapeError('not a shape', {
        op,
        got: shown(shape),
        wanted: 'whole numbers >= 0, such as [1, 3, 256, 256]',
      });
    }
    if (numel(shape) !== data.length) {
      throw new ShapeError('the number of elements does not match the shape', {
        op,
        got: `${data.length} elements`,
        wanted: `${numel(shape)} for shape ${spell(shape)}`,
      });
    }
    const floats = isFloat32Array(data) && isArrayBuffer(data.buffer);
    return new Tensor(
      floats ? (data as Float32Array<ArrayBuffer>) : Float32Array.from(data),
      Object.freeze([...shape]),
    );
  }

  /** The elements as nested arrays, one level an axis; a scalar gives a number. */
  toArray(): NestedNumbers {
    const strides = denseStrides(this.shape);
    const level = (axis: number, start: number): NestedNumbers => {
      const size = this.shape[axis];
      if (size === undefined) return this.data[start] ?? Number.NaN;
      return Array.from({ length: size }, (_, index) =>
        level(axis + 1, start + index * (strides[axis] ?? 1)),
      );
    };
    return level(0, 0);
  }
}

/** What a Tensor says where a symbolic value belongs. */
export function notSymbolic(tensor: Tensor, op: string): ArgumentError {
  return new ArgumentError('a concrete Tensor where a symbolic value belongs', {
    op,
    got: `Tensor ${spell(tensor.shape)}`,
    wanted: 'a value that forward received',
    hint: 'To compute, use: await engine.run(module or function, tensor). A constant inside forward is a new Parameter(tensor).',
  });
}

markCopy(Tensor.prototype);

// A forward that is called with a Tensor calls a value's methods on it: they say what to do instead of "not a function". Not in the types.
for (const op of [
  'add',
  'sub',
  'mul',
  'div',
  'sqrt',
  'relu',
  'tanh',
  'mean',
  'var',
  'view',
  'permute',
  'slice',
  'matmul',
]) {
  Object.defineProperty(Tensor.prototype, op, {
    value(this: Tensor): never {
      throw notSymbolic(this, op);
    },
  });
}
