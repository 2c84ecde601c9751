/** Tensors as files hold them: bytes, dtype, shape and strides. The kernels convert and pack them, nothing here does. */
import { ArgumentError, ShapeError, UnsupportedError } from '../errors.js';
import { shown } from '../spell.js';
import { denseStrides, isShape, spell } from './shape.js';
import type { Tensor } from './tensor.js';

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

/** Whether kernels convert it to float32. */
export function isWeightDtype(dtype: StoredDtype): dtype is WeightDtype {
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
