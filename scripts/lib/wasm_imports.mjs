// Reads what a WebAssembly binary imports, and the limits of its memory, which no JavaScript API tells. Not a validator.

/**
 * @typedef {object} MemoryImport
 * @property {number} initialPages
 * @property {number} maximumPages
 * @property {boolean} shared
 */

const IMPORT_SECTION = 2;
const KIND_MEMORY = 2;

/**
 * The limits of the memory that the binary imports.
 * @param {Uint8Array} bytes
 * @returns {MemoryImport}
 * @throws {Error} if it imports anything else, or its memory has no maximum
 */
export function readMemoryImport(bytes) {
  let at = 8; // after "\0asm" and the version
  const varuint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the binary ends inside a number');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const name = () => {
    const length = varuint();
    at += length;
    return new TextDecoder().decode(bytes.subarray(at - length, at));
  };
  while (at < bytes.length) {
    const section = varuint();
    const length = varuint();
    if (section !== IMPORT_SECTION) {
      at += length;
      continue;
    }
    const count = varuint();
    const field = `${name()}.${name()}`;
    const kind = varuint();
    if (count !== 1 || kind !== KIND_MEMORY) {
      throw new Error(`imports ${count} things, first ${field}; it must import one memory and nothing else`);
    }
    const flags = varuint();
    if ((flags & 1) === 0) throw new Error(`the memory ${field} has no maximum`);
    return { initialPages: varuint(), maximumPages: varuint(), shared: (flags & 2) !== 0 };
  }
  throw new Error('imports nothing; it must import its memory');
}
