/** Parameters and buffers: a shape, a version, and stored bytes that are converted and packed by the kernels, never here. */
import { isUint8Array } from '../brand.js';
import { hintFor } from '../copies.js';
import { ArgumentError, ShapeError, UnsupportedError } from '../errors.js';
import { checkOptions, flag } from '../nn/functional/check.js';
import { shown } from '../spell.js';
import { denseStrides, isShape, numel, sameShape, spell } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { Expression } from './expression.js';

/** Bits of one element, by safetensors' names. Tensors of the narrow ones fill whole bytes. */
const STORED_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** How a number is stored: every dtype of the safetensors format. */
export type StoredDtype = keyof typeof STORED_BITS;

export const STORED_DTYPES = Object.keys(STORED_BITS) as StoredDtype[];

/** What kernels convert to float32. Integers are not: as weights they are quantized, and mean nothing without their scale. */
export const WEIGHT_DTYPES = ['F32', 'F16', 'BF16', 'F64'] as const satisfies readonly StoredDtype[];

export type WeightDtype = (typeof WEIGHT_DTYPES)[number];

/** Bytes of so many elements; a fraction where they do not fill whole bytes. */
export function storedBytes(dtype: StoredDtype, elems: number): number {
  return (elems * STORED_BITS[dtype]) / 8;
}

function isWeightDtype(dtype: StoredDtype): dtype is WeightDtype {
  return (WEIGHT_DTYPES as readonly StoredDtype[]).includes(dtype);
}

/**
 * The dtype of values that are computed with.
 * @throws {@link UnsupportedError} when kernels do not convert it
 */
export function weightDtype(dtype: StoredDtype, op: string): WeightDtype {
  if (isWeightDtype(dtype)) return dtype;
  throw new UnsupportedError('weights of a dtype that is not converted', {
    op,
    got: dtype,
    wanted: WEIGHT_DTYPES.join(', '),
    hint: 'Convert them to float32 before saving.',
  });
}

/** A tensor as its file holds it: little-endian bytes, unconverted. Where it is a parameter's, `bytes` may not be written to. */
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

/** One number repeated over a shape: a single stored element under strides of 0. */
export function storedFill(value: number, shape: readonly number[]): StoredTensor {
  return {
    bytes: new Uint8Array(Float32Array.of(value).buffer),
    dtype: 'F32',
    shape: [...shape],
    strides: shape.map(() => 0),
  };
}

/** Float32 numbers as stored bytes: a view, or nothing where the numbers were transferred to elsewhere. */
export function viewOf({ data, shape }: Tensor): StoredTensor {
  const bytes =
    data.length === 0 ? new Uint8Array() : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { bytes, dtype: 'F32', shape, strides: denseStrides(shape) };
}

/**
 * A copy of values for a parameter to keep. Packed weights are known by the parameter's version, so nobody else may be able to change,
 * or transfer, what it holds.
 * @throws {@link ArgumentError} or {@link ShapeError} when the numbers do not agree: nothing that is packed may read past its bytes
 */
export function ownValues({ bytes, dtype, shape, strides }: StoredTensor, op: string): StoredTensor {
  if (!STORED_DTYPES.includes(dtype) || !isShape(shape, 1) || !isShape(strides, 0)) {
    throw new ArgumentError('a stored tensor that cannot be right', {
      op,
      got: `dtype ${shown(dtype)}, shape ${shown(shape)}, strides ${shown(strides)}`,
      wanted: `${STORED_DTYPES.join(', ')}, sizes >= 1, strides >= 0`,
    });
  }
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? Number.NaN), 0);
  const reach_bytes = Math.ceil(storedBytes(dtype, last + 1));
  if (strides.length !== shape.length || reach_bytes > bytes.byteLength) {
    throw new ShapeError('the bytes do not hold the shape', {
      op,
      got: `${bytes.byteLength} bytes of ${dtype} for shape ${spell(shape)}, strides ${spell(strides)}`,
      wanted: `${reach_bytes} bytes and one stride an axis`,
    });
  }
  // Not bytes.slice(), which is a view where they are a Node Buffer.
  return {
    bytes: new Uint8Array(bytes.subarray(0, reach_bytes)),
    dtype,
    shape: [...shape],
    strides: [...strides],
  };
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

  /** @param values a Tensor or stored bytes, which are copied, or just a shape (then without values until they are loaded) */
  constructor(values: Tensor | StoredTensor | readonly number[], options: ParameterOptions = {}) {
    super();
    checkOptions(options, 'Parameter', ['key', 'optional']);
    const { key = null } = options;
    if (key !== null && typeof key !== 'string')
      throw new ArgumentError('key cannot be right', {
        op: 'Parameter',
        got: shown(key),
        wanted: 'a string',
      });
    if (Array.isArray(values)) {
      if (!isShape(values, 1)) {
        throw new ShapeError('not a shape', {
          op: 'Parameter',
          got: shown(values),
          wanted: 'whole numbers > 0',
        });
      }
      this.shape = Object.freeze([...values]);
      this.values = { version: 0, stored: null };
    } else {
      const stored = this.#own(values as Tensor | StoredTensor);
      this.shape = Object.freeze([...stored.shape]);
      this.values = { version: 0, stored };
    }
    this.key = key;
    this.optional = flag(options.optional, 'Parameter', 'optional', false);
    this.uid = parametersMade++;
  }

  /** The values, if they can be this parameter's. */
  #own(values: Tensor | StoredTensor): StoredTensor {
    const op = 'Parameter';
    if (!(values instanceof Tensor) && !isUint8Array(values?.bytes)) {
      throw new ArgumentError('no values', {
        op,
        got: shown(values),
        wanted: 'a Tensor, a stored tensor or a shape',
        ...hintFor(values),
      });
    }
    const stored = ownValues(values instanceof Tensor ? viewOf(values) : values, op);
    if (!mayHold(this, stored.dtype)) weightDtype(stored.dtype, op);
    return stored;
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
   * Replaces the values by a copy of these; the next run uses them.
   * @throws {@link ShapeError} when the shape differs
   * @throws {@link UnsupportedError} when they are integers, or of another dtype that is not converted; a {@link Buffer} takes them
   */
  set(values: Tensor | StoredTensor): void {
    const stored = this.#own(values);
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

/** State that is saved but not learned, such as running statistics. It may hold integers, such as `num_batches_tracked`; `forward` may not read those. */
export class Buffer extends Parameter {
  /** Spelled out, because bundlers rename classes, and consoles and messages show it. */
  static override readonly name: string = 'Buffer';
}

/** Whether a parameter may hold such numbers. */
export function mayHold(parameter: Parameter, dtype: StoredDtype): boolean {
  return parameter instanceof Buffer || isWeightDtype(dtype);
}
