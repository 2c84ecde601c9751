/** A concrete tensor: float32 numbers and a shape, what goes into and comes out of an engine. It has no arithmetic of its own. */
import { isArrayBuffer, isFloat32Array, typedArrayKind } from '../brand.js';
import { markCopy } from '../copies.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { shown } from '../spell.js';
import {
  denseStrides,
  inferredShape,
  isShape,
  listOf,
  numel,
  type Sizes,
  sameShape,
  spell,
} from './shape.js';

/** What one value may have: 2^31 bytes. */
const MOST_ELEMENTS = 2 ** 29;

export type NestedNumbers = number | NestedNumbers[];

/** What is wrong with a flat list of numbers, or null. */
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

function notNumbers(op: string, got: string): ArgumentError {
  return new ArgumentError('data is not a list of numbers', {
    op,
    got,
    wanted: 'an array or a typed array of numbers',
    hint: 'With a shape beside it, data is flat, in row-major order; nested arrays have their own.',
  });
}

/** The shape of nested arrays, all of one depth and length on each level; their numbers go to `flat`. */
function nestedShape(data: unknown, flat: number[], op: string): number[] {
  if (typeof data === 'number') {
    flat.push(data);
    return [];
  }
  if (!Array.isArray(data)) throw notNumbers(op, shown(data));
  // Spread, because `map` passes over the holes of a list.
  const shapes = [...data].map((inner) => nestedShape(inner, flat, op));
  const [first = []] = shapes;
  const odd = shapes.findIndex((shape) => !sameShape(shape, first));
  if (odd < 0) return [data.length, ...first];
  throw new ShapeError('nested arrays of different lengths', {
    op,
    got: `${spell(shapes[odd] ?? [])} beside ${spell(first)}`,
    wanted: 'the same sizes on each level',
  });
}

function checkShape(shape: unknown, op: string): asserts shape is readonly number[] {
  if (isShape(shape, 0)) return;
  throw new ShapeError('not a shape', {
    op,
    got: shown(shape),
    wanted: 'whole numbers >= 0, such as [1, 3, 256, 256]',
  });
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
   * A tensor of `shape` over `data` in row-major order; without a shape that of nested arrays, or [length] of a flat list. A Float32Array on an
   * ArrayBuffer is taken as it is, not copied; anything else is copied.
   * @throws {@link ArgumentError} when `data` is not a list of numbers
   * @throws {@link ShapeError} when a size is not a whole number >= 0, the sizes' product is not the number of elements, or nested arrays have
   * different lengths
   */
  static from(data: ArrayLike<number> | Float32Array | NestedNumbers, shape?: readonly number[]): Tensor {
    const op = 'Tensor.from';
    if (shape === undefined && (Array.isArray(data) || typeof data === 'number')) {
      const flat: number[] = [];
      const own = nestedShape(data, flat, op);
      checkShape(own, op);
      return new Tensor(Float32Array.from(flat), Object.freeze(own));
    }
    const alien = alienIn(data);
    if (alien !== null) throw notNumbers(op, alien);
    const numbers = data as ArrayLike<number>;
    const sizes = shape ?? [numbers.length];
    checkShape(sizes, op);
    if (numel(sizes) !== numbers.length) {
      throw new ShapeError('the number of elements does not match the shape', {
        op,
        got: `${numbers.length} elements`,
        wanted: `${numel(sizes)} for shape ${spell(sizes)}`,
      });
    }
    const floats = isFloat32Array(data) && isArrayBuffer(data.buffer);
    return new Tensor(
      floats ? (data as Float32Array<ArrayBuffer>) : Float32Array.from(numbers),
      Object.freeze([...sizes]),
    );
  }

  /** Zeros, as `torch.zeros(1, 3, 4)` or of a list. @throws {@link ShapeError} when it is no shape, or of more elements than a list has */
  static zeros(...sizes: Sizes): Tensor {
    return Tensor.#filled(listOf(sizes), 0, 'Tensor.zeros');
  }

  /** Ones. @throws as `zeros` */
  static ones(...sizes: Sizes): Tensor {
    return Tensor.#filled(listOf(sizes), 1, 'Tensor.ones');
  }

  /** `value` everywhere. @throws as `zeros`; {@link ArgumentError} for what is no number */
  static full(shape: readonly number[], value: number): Tensor {
    if (typeof value === 'number') return Tensor.#filled(shape, value, 'Tensor.full');
    throw new ArgumentError('value is no number', {
      op: 'Tensor.full',
      got: shown(value),
      wanted: 'a number',
    });
  }

  static #filled(shape: readonly number[], value: number, op: string): Tensor {
    checkShape(shape, op);
    if (numel(shape) >= MOST_ELEMENTS) {
      const wanted = `less than ${MOST_ELEMENTS} elements`;
      throw new ShapeError('more elements than one value may have', { op, got: spell(shape), wanted });
    }
    const data = new Float32Array(numel(shape));
    return new Tensor(value === 0 ? data : data.fill(value), Object.freeze([...shape]));
  }

  /** How many elements it has. */
  numel(): number {
    return this.data.length;
  }

  /** The same elements, not copied, under another shape, where one size may be -1. @throws {@link ShapeError} when the numbers of elements differ */
  reshape(...sizes: Sizes): Tensor {
    const wanted = listOf(sizes);
    const shape = inferredShape(wanted, this.data.length);
    if (shape !== null) return new Tensor(this.data, Object.freeze([...shape]));
    throw new ShapeError('the numbers of elements differ', {
      op: 'Tensor.reshape',
      got: `shape ${spell(wanted)}`,
      wanted: `${this.data.length} elements, as in ${spell(this.shape)}`,
    });
  }

  /** The only element. @throws {@link ShapeError} when there are none or several */
  item(): number {
    const [element] = this.data;
    if (element !== undefined && this.data.length === 1) return element;
    throw new ShapeError('not one element', {
      op: 'Tensor.item',
      got: spell(this.shape),
      wanted: 'a tensor of one element',
      hint: 'One of several is at(...).',
    });
  }

  /** The element at an index, a number an axis; negative ones count from the end. @throws {@link ArgumentError} when it lies outside, or is of other axes */
  at(...index: readonly number[]): number {
    const strides = denseStrides(this.shape);
    let from = 0;
    const isInside = this.shape.every((size, axis) => {
      const i = index[axis];
      if (i === undefined || !Number.isInteger(i)) return false;
      const own = i < 0 ? i + size : i;
      from += own * (strides[axis] ?? 0);
      return own >= 0 && own < size;
    });
    const element = this.data[from];
    if (isInside && index.length === this.shape.length && element !== undefined) return element;
    throw new ArgumentError('no such element', {
      op: 'Tensor.at',
      got: `(${index.map(shown).join(', ')})`,
      wanted: `an index for each axis of ${spell(this.shape)}`,
    });
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
