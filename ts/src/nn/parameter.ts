/** Parameters and buffers: a shape, a version, and stored bytes that are converted and packed by the kernels, never here. */
import { ArgumentError, ShapeError } from '../errors.js';
import { Expression } from '../graph/expression.js';
import { denseStrides, numel, sameShape, spell } from '../graph/shape.js';
import { Tensor } from '../tensor.js';

/** How a number is stored. I64 is kept only for counters such as `num_batches_tracked`, which no kernel reads. */
export type StoredDtype = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64';

/** Bytes of one element. */
export const STORED_BYTES = { F32: 4, F16: 2, BF16: 2, F64: 8, I64: 8 } as const satisfies Record<
  StoredDtype,
  number
>;

/** A tensor as its file holds it: little-endian bytes, unconverted. */
export interface StoredTensor {
  readonly bytes: Uint8Array;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** In elements; 0 repeats an element. */
  readonly strides: readonly number[];
}

/** What a parameter holds at a time. */
export interface ParameterValues {
  /** Raised by every change of the values; packed copies carry it. */
  readonly version: number;
  /** null until values are set or loaded. */
  readonly stored: StoredTensor | null;
}

export interface ParameterOptions {
  /** Name in state dicts, where it is not the property's name. */
  readonly key?: string;
  /** A state dict may lack it (default false); it then keeps its value. */
  readonly optional?: boolean;
}

/** Float32 numbers as stored bytes; a copy, so that later writes to the tensor do not reach the weights. */
export function storedFromTensor(tensor: Tensor): StoredTensor {
  const { data, shape } = tensor;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { bytes, dtype: 'F32', shape, strides: denseStrides(shape) };
}

/** One number repeated over a shape: a single stored element under strides of 0. */
export function storedFill(value: number, shape: readonly number[]): StoredTensor {
  return {
    bytes: new Uint8Array(Float32Array.of(value).buffer),
    dtype: 'F32',
    shape: [...shape],
    strides: shape.map(() => 0),
  };
}

/**
 * Refuses a stored tensor whose numbers do not agree: nothing that is packed may read past its bytes.
 * @throws {@link ArgumentError} or {@link ShapeError}
 */
export function checkStored(stored: StoredTensor): StoredTensor {
  const op = 'Parameter';
  const { bytes, dtype, shape, strides } = stored;
  const counts = (sizes: readonly number[], least: number): boolean =>
    Array.isArray(sizes) && sizes.every((size) => Number.isSafeInteger(size) && size >= least);
  if (!Object.hasOwn(STORED_BYTES, dtype) || !counts(shape, 1) || !counts(strides, 0)) {
    throw new ArgumentError('a stored tensor that cannot be right', {
      op,
      got: `dtype ${dtype}, shape [${shape}], strides [${strides}]`,
      wanted: `${Object.keys(STORED_BYTES).join(', ')}, sizes >= 1, strides >= 0`,
    });
  }
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? Number.NaN), 0);
  if (strides.length === shape.length && (last + 1) * STORED_BYTES[dtype] <= bytes.byteLength) return stored;
  throw new ShapeError('the bytes do not hold the shape', {
    op,
    got: `${bytes.byteLength} bytes of ${dtype} for shape ${spell(shape)}, strides ${spell(strides)}`,
    wanted: `${STORED_BYTES[dtype]} bytes up to the last element, and one stride an axis`,
  });
}

let parametersMade = 0;

/**
 * A weight of a module, found by walking the module's properties. Without values until they are set or loaded.
 * In `forward` it can be calculated with like any value: `gamma.view(1, C, 1, 1).mul(x)`.
 */
export class Parameter extends Expression {
  override readonly shape: readonly number[];
  /** Distinct for every parameter of this realm. */
  readonly uid: number;
  /** What it holds now; replaced as a whole by every change. */
  values: ParameterValues;
  /** Name in state dicts; null for the property's name. */
  readonly key: string | null;
  /** Whether a state dict may lack it. */
  readonly optional: boolean;

  /** @param values a Tensor, stored bytes, or just a shape (then without values until they are loaded) */
  constructor(values: Tensor | StoredTensor | readonly number[], options: ParameterOptions = {}) {
    super();
    if (Array.isArray(values)) {
      if (!values.every((size) => Number.isSafeInteger(size) && size > 0)) {
        throw new ShapeError('not a shape', {
          op: 'Parameter',
          got: spell(values),
          wanted: 'whole numbers > 0',
        });
      }
      this.shape = Object.freeze([...values]);
      this.values = { version: 0, stored: null };
    } else {
      const stored = Parameter.#stored(values as Tensor | StoredTensor);
      this.shape = Object.freeze([...stored.shape]);
      this.values = { version: 0, stored };
    }
    this.key = options.key ?? null;
    this.optional = options.optional ?? false;
    this.uid = parametersMade++;
  }

  static #stored(values: Tensor | StoredTensor): StoredTensor {
    if (values instanceof Tensor) return storedFromTensor(values);
    if (values !== null && typeof values === 'object' && values.bytes instanceof Uint8Array)
      return checkStored(values);
    throw new ArgumentError('no values', {
      op: 'Parameter',
      got: typeof values,
      wanted: 'a Tensor, a stored tensor or a shape',
    });
  }

  /** Raised by every change of the values; packed copies carry it. */
  get version(): number {
    return this.values.version;
  }

  /** null until values are set or loaded. */
  get stored(): StoredTensor | null {
    return this.values.stored;
  }

  /**
   * Replaces the values; the next run uses them. A Tensor is copied.
   * @throws {@link ShapeError} when the shape differs
   */
  set(values: Tensor | StoredTensor): void {
    const stored = Parameter.#stored(values);
    if (!sameShape(stored.shape, this.shape)) {
      throw new ShapeError('values of another shape', {
        op: 'Parameter.set',
        got: spell(stored.shape),
        wanted: spell(this.shape),
      });
    }
    this.values = { version: this.version + 1, stored };
  }

  numel(): number {
    return numel(this.shape);
  }
}

/** State that is saved but not learned, such as running statistics. */
export class Buffer extends Parameter {}
