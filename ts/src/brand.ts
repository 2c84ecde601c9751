/**
 * The platform's values, told by what they are and not by whose they are: `instanceof` asks for a class of this realm, and an iframe, a vm context and
 * jsdom have their own. Each check reads an internal slot, which nothing else has and no other realm changes.
 */

/** Whether reading succeeds, which for the platform's getters means: `value` has the slot. */
function readable(read: ((this: unknown) => unknown) | undefined, value: unknown): boolean {
  try {
    read?.call(value);
    return read !== undefined;
  } catch {
    return false;
  }
}

function getterOf(prototype: object, name: PropertyKey): ((this: unknown) => unknown) | undefined {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get;
}

const typedArrayTag = getterOf(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);
const bufferLength = getterOf(ArrayBuffer.prototype, 'byteLength');
const mapSize = getterOf(Map.prototype, 'size');
const setSize = getterOf(Set.prototype, 'size');

/** The kind of a typed array, such as 'Float32Array'; undefined for anything else. */
export function typedArrayKind(value: unknown): string | undefined {
  return typedArrayTag?.call(value) as string | undefined;
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayKind(value) === 'Uint8Array';
}

export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayKind(value) === 'Float32Array';
}

/** Not a SharedArrayBuffer. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return readable(bufferLength, value);
}

export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return readable(mapSize, value);
}

export function isSet(value: unknown): value is ReadonlySet<unknown> {
  return readable(setSize, value);
}

export function isWasmModule(value: unknown): value is WebAssembly.Module {
  return readable(function (this: unknown) {
    return WebAssembly.Module.customSections(this as WebAssembly.Module, '');
  }, value);
}
