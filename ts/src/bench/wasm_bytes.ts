/** The few pieces of WebAssembly's binary format that the benchmark's own modules are made of. None of this is in the package. */

/** An unsigned LEB128 number. */
function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

/** Bytes behind their length. */
function sized(bytes: readonly number[]): number[] {
  return [...leb(bytes.length), ...bytes];
}

export const get = (local: number): number[] => [0x20, local];
export const set = (local: number): number[] => [0x21, local];
export const tee = (local: number): number[] => [0x22, local];

const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)];

/** A module of one function. */
export interface OneFunction {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  /** Groups of locals, then the instructions, then `end`. */
  readonly code: readonly number[];
  /** Pages of a memory of its own (default none). */
  readonly pages?: number;
}

/** Compiles a module of one exported function; null where the platform does not know an instruction of it. */
export function compileFunction(wanted: OneFunction): ((...args: number[]) => unknown) | null {
  const { name, parameters, results, code, pages } = wanted;
  const bytes = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, ...sized(parameters), ...sized(results)]),
    ...section(3, [1, 0]),
    ...(pages === undefined ? [] : section(5, [1, 0x00, ...leb(pages)])),
    ...section(7, [1, ...sized([...new TextEncoder().encode(name)]), 0x00, 0]),
    ...section(10, [1, ...sized(code)]),
  ]);
  if (!WebAssembly.validate(bytes)) return null;
  const made = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports[name];
  if (typeof made !== 'function') throw new Error(`the module has no function ${name}`);
  return (...args) => made(...args);
}
