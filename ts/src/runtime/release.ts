/** Memory of buffers that nobody will read again. */

interface Transferable {
  transfer?(bytes: number): ArrayBuffer;
}

/** Detaches the buffer and gives its memory back at once, where the platform can: a worker that computes may not collect garbage for long. */
export function release(buffer: ArrayBuffer): void {
  // A buffer that several views share is released once.
  if (buffer.byteLength > 0) (buffer as Transferable).transfer?.(0);
}
