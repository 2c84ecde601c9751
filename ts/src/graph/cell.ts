/** State that outlives a run: host memory of a session or a module, read and written by plans in the order of the calls. */
import { numel, type Shape } from '../tensor/shape.js';

let cellsMade = 0;

/**
 * A cell of float32 numbers. A run reads what the runs before it have left, and what it writes is taken over when it has ended well: an aborted
 * or failed run changes nothing.
 */
export class Cell {
  /** Distinct for every cell of this realm. */
  readonly uid = cellsMade++;
  readonly shape: Shape;
  #bytes: Uint8Array<ArrayBuffer>;

  /** @param initial what the first run reads; copied */
  constructor(shape: Shape, initial: Float32Array) {
    if (initial.length !== numel(shape)) throw new RangeError('a cell needs a number an element');
    this.shape = Object.freeze([...shape]);
    this.#bytes = new Uint8Array(Float32Array.from(initial).buffer);
  }

  /** A copy of what it holds now. */
  read(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** Takes a copy of the bytes. */
  write(bytes: Uint8Array): void {
    if (bytes.byteLength !== this.#bytes.byteLength) throw new RangeError('a cell keeps its size');
    this.#bytes = bytes.slice();
  }
}
