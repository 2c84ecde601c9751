/**
 * Numbers made while tracing, such as a new Parameter(tensor) in `forward`: each call makes them anew, and they are the same ones if they say the same.
 * So the first one with a content stands for all, as long as it lives, and its packed form serves every call.
 */
import type { Parameter } from './parameter.js';

const known = new Map<string, WeakRef<Parameter>>();
const standing = new WeakSet<Parameter>();
/** Dead entries are looked for when there are twice as many as were alive the last time, or this many. */
const LEAST_SWEPT = 64;
let sweepAt = LEAST_SWEPT;

/** FNV-1a over the bytes: what is found by it is compared in full. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function sayTheSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function sweep(): void {
  for (const [key, reference] of known) if (reference.deref() === undefined) known.delete(key);
  sweepAt = Math.max(LEAST_SWEPT, 2 * known.size);
}

/** The parameter that stands for all with these values. */
export function interned(parameter: Parameter): Parameter {
  const { stored } = parameter;
  if (stored === null) return parameter;
  const { bytes, dtype, shape, strides } = stored;
  const key = [dtype, shape.join('x'), strides.join('x'), hashOf(bytes)].join(':');
  const first = known.get(key)?.deref();
  // Its owner may have changed it since.
  if (first?.stored != null && sayTheSame(first.stored.bytes, bytes)) return first;
  if (known.size >= sweepAt) sweep();
  known.set(key, new WeakRef(parameter));
  standing.add(parameter);
  return parameter;
}

/** Whether it stands for others. Who keeps what was computed with it has to keep it, too: the next trace finds it by its content. */
export function isInterned(parameter: Parameter): boolean {
  return standing.has(parameter);
}
