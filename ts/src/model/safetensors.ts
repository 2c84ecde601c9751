/**
 * The safetensors reader: bytes -> named stored tensors of any dtype. Nothing is converted; every size in the header is checked against the
 * file before use. The header is hostile until proven otherwise. What the format's reference implementation reads is read.
 */
import { isArrayBuffer, isUint8Array } from '../brand.js';
import { ArgumentError, ModelFormatError } from '../errors.js';
import { clip, shown } from '../spell.js';
import { denseStrides } from '../tensor/shape.js';
import { STORED_DTYPES, type StoredDtype, type StoredTensor, storedBytes } from '../tensor/stored.js';

/** What a safetensors file holds. */
export interface Safetensors {
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** `__metadata__`; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>;
}

const LENGTH_BYTES = 8;
/** The limit of the format's reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

const op = 'readSafetensors';

function refuse(
  what: string,
  facts: { got?: string; wanted?: string; hint?: string; cause?: unknown } = {},
): ModelFormatError {
  return new ModelFormatError(what, { op, ...facts });
}

/** What a file that is not safetensors looks like to be. */
function hintFor(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'The file is empty, or its buffer was transferred.';
  const start = String.fromCharCode(...bytes.subarray(0, 24)).toLowerCase();
  if (start.startsWith('version https://git-lfs'))
    return 'This is a Git LFS pointer: fetch the file itself with git lfs pull.';
  if (start.startsWith('<')) return 'This is a web page: was the download link right?';
  if (start.startsWith('pk')) return 'This looks like a PyTorch checkpoint: convert it to safetensors first.';
  return undefined;
}

function withHint(bytes: Uint8Array): { hint?: string } {
  const hint = hintFor(bytes);
  return hint === undefined ? {} : { hint };
}

/** The header's JSON, and where the data begins. */
function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.byteLength < LENGTH_BYTES) {
    throw refuse('the file is too short', {
      got: `${bytes.byteLength} bytes`,
      wanted: `at least ${LENGTH_BYTES}`,
      ...withHint(bytes),
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  const room = Math.min(bytes.byteLength - LENGTH_BYTES, MAX_HEADER_BYTES);
  if (length > room) {
    throw refuse('no safetensors file, or only a part of one', {
      got: `${bytes.byteLength} bytes whose first eight announce a header of ${length}`,
      wanted: `a header of at most ${room}`,
      ...withHint(bytes),
    });
  }
  const dataStart = LENGTH_BYTES + length;
  let header: unknown;
  try {
    header = JSON.parse(
      // A copy, since shared memory is not decoded.
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.slice(LENGTH_BYTES, dataStart)),
    );
  } catch (cause) {
    throw refuse('the header is not JSON', { cause, ...withHint(bytes) });
  }
  if (!isRecord(header))
    throw refuse('the header is not an object', { got: Array.isArray(header) ? 'an array' : typeof header });
  return { header, dataStart };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function dtypeOf(name: string, dtype: unknown): StoredDtype {
  const known = STORED_DTYPES.find((one) => one === dtype);
  if (known !== undefined) return known;
  throw refuse(`'${name}' has an unknown dtype`, { got: shown(dtype), wanted: STORED_DTYPES.join(', ') });
}

/** Bytes of a shape, by a product that stops before it can overflow. */
function byteLength(name: string, shape: readonly number[], dtype: StoredDtype, limit: number): number {
  if (shape.includes(0)) return 0;
  let bytes = storedBytes(dtype, 1);
  for (const size of shape) {
    bytes *= size;
    if (bytes > limit)
      throw refuse(`'${name}' is larger than the file`, {
        got: `shape ${shown(shape)}`,
        wanted: `at most ${limit} bytes`,
      });
  }
  return bytes;
}

interface Entry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readEntry(key: string, value: unknown, dataBytes: number): Entry {
  const name = clip(key);
  if (key.split('.').includes('__proto__'))
    throw refuse('a tensor has a forbidden name', { got: `'${name}'` });
  if (!isRecord(value)) throw refuse(`'${name}' is not described by an object`, { got: shown(value) });
  const { dtype: rawDtype, shape: rawShape, data_offsets: offsets } = value;
  const dtype = dtypeOf(name, rawDtype);
  if (!Array.isArray(rawShape) || !rawShape.every(isCount)) {
    throw refuse(`'${name}' has an impossible shape`, {
      got: shown(rawShape),
      wanted: 'whole numbers >= 0',
    });
  }
  const shape: readonly number[] = rawShape;
  const [begin, end]: readonly unknown[] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isCount(begin) || !isCount(end) || begin > end || end > dataBytes) {
    throw refuse(`'${name}' lies outside of the file`, {
      got: `data_offsets ${shown(offsets)}`,
      wanted: `two numbers from 0 to ${dataBytes}, in order`,
      hint: 'The file may be truncated.',
    });
  }
  const bytes = byteLength(name, shape, dtype, dataBytes);
  if (bytes !== end - begin) {
    throw refuse(`'${name}' has another size than its shape says`, {
      got: `${end - begin} bytes`,
      wanted: `${bytes} for ${dtype} ${shown(shape)}`,
    });
  }
  return { name: key, dtype, shape, begin, end };
}

/** Refuses tensors that share bytes, and bytes that no tensor owns: the format allows neither. */
function checkCover(entries: readonly Entry[], dataBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered)
      throw refuse(`'${clip(name)}' overlaps another tensor`, {
        got: `offset ${begin}`,
        wanted: `${covered}`,
      });
    if (begin > covered)
      throw refuse(`there is a hole in front of '${clip(name)}'`, {
        got: `offset ${begin}`,
        wanted: `${covered}`,
      });
    covered = end;
  }
  if (covered !== dataBytes) {
    throw refuse('the tensors do not fill the file', { got: `${covered} bytes`, wanted: `${dataBytes}` });
  }
}

function readMetadata(value: unknown): ReadonlyMap<string, string> {
  // The reference implementation takes null for none.
  if (value === undefined || value === null) return new Map();
  if (!isRecord(value)) throw refuse('__metadata__ is not an object', { got: shown(value) });
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw refuse(`metadata '${clip(key)}' is not a string`, { got: shown(text) });
    metadata.set(key, text);
  }
  return metadata;
}

/** The file's bytes as a Uint8Array. @throws {@link ArgumentError} for anything that is not bytes */
export function asBytes(bytes: Uint8Array | ArrayBuffer, caller: string): Uint8Array {
  if (!isUint8Array(bytes) && !isArrayBuffer(bytes)) {
    throw new ArgumentError('not bytes', {
      op: caller,
      got: shown(bytes),
      wanted: 'a Uint8Array or an ArrayBuffer of the file',
    });
  }
  // Of a buffer that was transferred no view can be made.
  if (bytes.byteLength === 0) return new Uint8Array();
  if (isArrayBuffer(bytes)) return new Uint8Array(bytes);
  // Not a Buffer, whose slice() is a view.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Reads a safetensors file, as views on it: for callers that copy what they keep.
 * @throws {@link ModelFormatError} for a damaged or hostile file, naming the tensor and the reason
 */
export function viewSafetensors(file: Uint8Array | ArrayBuffer): Safetensors {
  const bytes = asBytes(file, op);
  const { header, dataStart } = readHeader(bytes);
  const data = bytes.subarray(dataStart);
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') entries.push(readEntry(name, value, data.byteLength));
  }
  checkCover(entries, data.byteLength);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { bytes: data.subarray(begin, end), dtype, shape, strides: denseStrides(shape) });
  }
  return {
    tensors,
    metadata: readMetadata(Object.hasOwn(header, '__metadata__') ? header.__metadata__ : undefined),
  };
}

/**
 * Reads a safetensors file: tensors of every dtype, with copies of their stored bytes. Which dtypes a module takes is its loadStateDict's matter.
 * @throws {@link ModelFormatError} for a damaged or hostile file, naming the tensor and the reason
 */
export function readSafetensors(file: Uint8Array | ArrayBuffer): Safetensors {
  const { tensors, metadata } = viewSafetensors(file);
  const copied = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) copied.set(name, { ...tensor, bytes: tensor.bytes.slice() });
  return { tensors: copied, metadata };
}
