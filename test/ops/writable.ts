/** What each record may write, by its documentation in record.rs alone: a model of the kernels' sizes that shares nothing with them. */
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  RECORD_HEAD_WORDS,
  REGION_ARENA,
  recordOf,
} from '../../dist/ops/records.gen.js';

/** Bytes [from, to) of memory. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Of four lanes: count, mean and M2 in float64; and m, s and b in float32. */
const MOMENTS_BYTES = 3 * 4 * 8;
const COEFFICIENTS_BYTES = 3 * 4 * 4;

const over = (size: number, step: number): number => Math.ceil(size / step);
const blocked = (n: number, c: number, h: number, w: number): number => n * over(c, 4) * h * w * 16;
const signed = (word: number): number => word | 0;
/** Channels of a staged pixel, for which weights are packed. */
const pixel = (c: number): number => (c < 4 ? c : over(c, 4) * 4);

/** Results, taps and products of weights along one axis. */
const F4x3 = { tile: 4, taps: 3, weights: 6 };
const F3x3 = { tile: 3, taps: 3, weights: 5 };
const F4x4 = { tile: 4, taps: 4, weights: 7 };
const F5x3 = { tile: 5, taps: 3, weights: 7 };
const F5x5 = { tile: 5, taps: 5, weights: 9 };
const STRIDE_2 = { tile: 4, taps: 3, weights: 6 };
const TRANSPOSED_2 = { tile: 8, taps: 3, weights: 6 };
/** By number: down the columns, along the rows. */
const ALGORITHMS = [
  [F4x3, F4x3],
  [F3x3, F3x3],
  [F4x4, F4x4],
  [STRIDE_2, STRIDE_2],
  [TRANSPOSED_2, TRANSPOSED_2],
  [F4x3, F5x3],
  [F5x5, F3x3],
] as const;

/** A record's fields by name. */
type Fields = Readonly<Record<string, number>>;
/** Bytes that are written at each operand: the first so many, or a range of its. */
type Writes = Readonly<Record<string, number | Range>>;

/** Of an op that leaves y the shape of x. */
const like = ({ n = 0, c = 0, h = 0, w = 0 }: Fields): Writes => ({ y: blocked(n, c, h, w) });

/** Of a box of strides: from the first to the last element of y that it covers. */
function hull(f: Fields): Range {
  const { y_start = 0, y_channel_start = 0, y_channels = 0, y_block_stride = 0 } = f;
  let [element, channel] = [y_start, y_channel_start];
  const byte = (): number => (element + Math.floor(channel / 4) * y_block_stride + (channel % 4)) * 4;
  const from = byte();
  for (let axis = 0; axis < 8; axis++) {
    const reach = ((f[`d${axis}`] ?? 0) - 1) * signed(f[`y_step${axis}`] ?? 0);
    if ((y_channels >> axis) & 1) channel += reach;
    else element += reach;
  }
  return { from, to: byte() + 4 };
}

/** Of a convolution whose tiles make `rows` x `cols` results. */
const convolution = ({ n = 0, o = 0, out_h = 0, out_w = 0 }: Fields, rows: number, cols: number): Writes => ({
  y: blocked(n, o, out_h, out_w),
  moments: n * over(o, 4) * over(out_h, rows) * over(out_w, cols) * MOMENTS_BYTES,
});

const WRITES: Readonly<Record<string, (f: Fields) => Writes>> = {
  pixels_in: ({ out_c = 0, out_h = 0, out_w = 0 }) => ({ y: blocked(1, out_c, out_h, out_w) }),
  pixels_out: ({ h = 0, w = 0 }) => ({ y: h * w * 4 }),
  move_strided: (f) => ({ y: hull(f) }),
  pad: ({ n = 0, c = 0, h = 0, w = 0, top = 0, bottom = 0, left = 0, right = 0 }) => ({
    y: blocked(n, c, signed(top) + h + signed(bottom), signed(left) + w + signed(right)),
  }),
  conv2d: (f) => convolution(f, f.tile_rows ?? 0, f.tile_cols ?? 0),
  conv_depthwise: (f) => convolution({ ...f, o: f.c ?? 0 }, f.tile_rows ?? 0, f.tile_cols ?? 0),
  conv_transpose2d: (f) =>
    convolution(f, (f.tile_rows ?? 0) * (f.stride_h ?? 0), (f.tile_cols ?? 0) * (f.stride_w ?? 0)),
  conv_winograd: (f) => {
    const [down, along] = ALGORITHMS[f.algorithm ?? -1] ?? [F4x3, F4x3];
    return convolution(f, (f.tile_rows ?? 0) * down.tile, (f.tile_cols ?? 0) * along.tile);
  },
  statistics: ({ n = 0, c = 0, across_batch }) => ({
    constants: (across_batch === 1 ? 1 : n) * over(c, 4) * COEFFICIENTS_BYTES,
  }),
  running_constants: ({ c = 0 }) => ({ constants: over(c, 4) * COEFFICIENTS_BYTES }),
  partial_moments: ({ n = 0, c = 0, h = 0, w = 0, chunk_px = 0 }) => ({
    partials: n * over(c, 4) * over(h * w, chunk_px) * MOMENTS_BYTES,
  }),
  instance_norm: like,
  reduce: ({ n = 0, c = 0, h = 0, w = 0, axes = 0, chunk_px = 0 }) => {
    const kept = [n, c, h, w].map((size, axis) => (((axes >> axis) & 1) === 1 ? 1 : size));
    const [yn = 0, yc = 0, yh = 0, yw = 0] = kept;
    const y = blocked(yn, yc, yh, yw);
    const chunks = over(blocked(n, c, h, w) / y, chunk_px);
    return { y, partials: chunks === 1 ? 0 : (y / 16) * chunks * MOMENTS_BYTES };
  },
  pointwise: ({ row_elems = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0 }) => ({
    y: row_elems * d0 * d1 * d2 * d3 * d4 * 4,
  }),
  convert: ({ d0 = 0, d1 = 0, d2 = 0, d3 = 0 }) => ({ y: d0 * d1 * d2 * d3 * 4 }),
  pack_bias: ({ padded_c = 0 }) => ({ y: padded_c * 4 }),
  pack_conv2d: ({ o = 0, c = 0, kh = 0, kw = 0, packing, packed_groups = 0 }) => ({
    y: (packing === 1 ? o : over(o, 4) * 4) * pixel(c / packed_groups) * kh * kw * 4,
  }),
  pack_conv_transpose2d: ({ o = 0, c = 0, kh = 0, kw = 0, dilation_h = 0, dilation_w = 0 }) => ({
    y: over(o, 4) * 4 * pixel(c) * ((kh - 1) * dilation_h + 1) * ((kw - 1) * dilation_w + 1) * 4,
  }),
  pack_conv_winograd: ({ o = 0, c = 0, kh = 0, kw = 0, packing, algorithm = -1 }) => {
    const [down, along] = ALGORITHMS[algorithm] ?? [F4x3, F4x3];
    const points = over(kh, down.taps) * over(kw, along.taps) * down.weights * along.weights;
    return { y: (packing === 1 ? o : over(o, 4) * 4) * pixel(c) * points * 4 };
  },
  matmul: ({ batch = 0, m = 0, n = 0, y_step = 0, y_row_step = 0 }) => ({
    y: ((batch - 1) * y_step + (m - 1) * y_row_step + n) * 4,
  }),
  pack_matmul: ({ batch = 0, k = 0, n = 0 }) => ({ y: batch * k * over(n, 4) * 4 * 4 }),
};

/** What a plan that was accepted may change in memory: its own header and directory, and what each record and its scratch cover. */
export function writable(words: Uint32Array, address: number): Range[] {
  const word = (at: number): number => words[at] ?? Number.NaN;
  const records = word(HEADER.records);
  const ranges: Range[] = [{ from: address, to: address + (HEADER_WORDS + records * ENTRY_WORDS) * 4 }];
  const add = (operand: number, written: number | Range): void => {
    const base = operand >>> 30 === REGION_ARENA ? HEADER.arenaBase : HEADER.weightsBase;
    const start = word(base) + (operand & 0x3fff_ffff) * 16;
    const { from, to } = typeof written === 'number' ? { from: 0, to: written } : written;
    if (operand !== 0 && to > from) ranges.push({ from: start + from, to: start + to });
  };
  for (let record = 0; record < records; record++) {
    const start = word(HEADER_WORDS + record * ENTRY_WORDS);
    add(word(start + 2), word(start + 3) * word(HEADER.workers));
    const { name = '', fields = [] } = recordOf(word(start)) ?? {};
    const values = fields.map((field, i) => [field, word(start + RECORD_HEAD_WORDS + i)] as const);
    const named: Fields = Object.fromEntries(values);
    const writes = WRITES[name];
    if (writes === undefined) throw new Error(`what ${name} writes is not said here`);
    for (const [field, bytes] of Object.entries(writes(named))) add(named[field] ?? 0, bytes);
  }
  return ranges;
}

/** The first byte outside `ranges` in which two pictures of memory differ, both from address `start` on; or null. */
export function strayWrite(
  before: Uint8Array,
  after: Uint8Array,
  start: number,
  ranges: readonly Range[],
): number | null {
  const end: Range = { from: start + before.length, to: Number.POSITIVE_INFINITY };
  let seen = start;
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from).concat(end)) {
    const [was, is] = [before, after].map((memory) =>
      memory.subarray(seen - start, Math.max(from, seen) - start),
    );
    if (was !== undefined && is !== undefined && Buffer.compare(was, is) !== 0)
      return seen + was.findIndex((byte, i) => byte !== is[i]);
    seen = Math.max(seen, to);
  }
  return null;
}
