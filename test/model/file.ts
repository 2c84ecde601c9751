/** Safetensors files made in tests: of zeros, good or bad as they are asked for. */

export interface FileTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** A file of zeros with these tensors one after another. */
export function safetensors(
  tensors: Readonly<Record<string, FileTensor>>,
  metadata?: unknown,
): Uint8Array<ArrayBuffer> {
  let end = 0;
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  return withHeader(JSON.stringify(header), end);
}

/** A file with this header, and zeros. */
export function withHeader(header: string, dataBytes: number): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  return bytes;
}
