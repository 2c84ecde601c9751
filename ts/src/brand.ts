/**
 * The platform's values, told by what they are and not by whose they are: `instanceof` asks for a class of this realm, and an iframe, a vm
 * context and jsdom have their own. Each check has a getter of the platform read an internal slot, which no look-alike has.
 */

const TypedArray = Object.getPrototypeOf(Uint8Array) as typeof Uint8Array;

function succeeds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** The kind of a typed array, such as 'Float32Array'; undefined for anything else. */
export function typedArrayKind(value: unknown): string | undefined {
  return Reflect.get(TypedArray.prototype, Symbol.toStringTag, value) as string | undefined;
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayKind(value) === 'Uint8Array';
}

export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayKind(value) === 'Float32Array';
}

/** Not a SharedArrayBuffer. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return succeeds(() => Reflect.get(ArrayBuffer.prototype, 'byteLength', value));
}

export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return succeeds(() => Reflect.get(Map.prototype, 'size', value));
}

export function isSet(value: unknown): value is ReadonlySet<unknown> {
  return succeeds(() => Reflect.get(Set.prototype, 'size', value));
}

/** An object of no class: an Object.prototype, or nothing, is above it. */
export function isPlainObject(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false;
  const above: unknown = Object.getPrototypeOf(value);
  return above === null || Object.getPrototypeOf(above) === null;
}

export function isWasmModule(value: unknown): boolean {
  return succeeds(() => WebAssembly.Module.customSections(value as WebAssembly.Module, ''));
}

/** Errors have no slot that tells their kinds apart, so by its name. */
export function isLinkError(thrown: unknown): boolean {
  return (
    Object.prototype.toString.call(thrown) === '[object Error]' && (thrown as Error).name === 'LinkError'
  );
}
