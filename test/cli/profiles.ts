/** Colours by hand: small ICC profiles, PNG files that carry them, and in float64 what their numbers are in sRGB. */
import { crc32, deflateSync } from 'node:zlib';

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

const dot = (a: Triple, b: Triple): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const times = (m: Matrix, v: Triple): Triple => [dot(m[0], v), dot(m[1], v), dot(m[2], v)];
const transposed = ([a, b, c]: Matrix): Matrix => [
  [a[0], b[0], c[0]],
  [a[1], b[1], c[1]],
  [a[2], b[2], c[2]],
];
const cross = (a: Triple, b: Triple): Triple => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const scaled = (v: Triple, s: number): Triple => [v[0] * s, v[1] * s, v[2] * s];
function inverse([a, b, c]: Matrix): Matrix {
  const s = 1 / dot(a, cross(b, c));
  return transposed([scaled(cross(b, c), s), scaled(cross(c, a), s), scaled(cross(a, b), s)]);
}

/** XYZ of a chromaticity at luminance 1. */
const chromatic = (x: number, y: number): Triple => [x / y, 1, (1 - x - y) / y];
const D65 = chromatic(0.3127, 0.329);
/** The white of ICC's connection space. */
const D50: Triple = [0.9642, 1, 0.8249];
const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

/** From linear RGB of these primaries, white at D65, to XYZ adapted to D50; its columns are the profile's colorants. */
function toXyz(red: Triple, green: Triple, blue: Triple): Matrix {
  const primaries = transposed([red, green, blue]);
  const amounts = times(inverse(primaries), D65);
  const [from, to] = [times(BRADFORD, D65), times(BRADFORD, D50)];
  const adapted = (v: Triple): Triple => {
    const [l, m, s] = times(BRADFORD, v);
    return times(inverse(BRADFORD), [(l * to[0]) / from[0], (m * to[1]) / from[1], (s * to[2]) / from[2]]);
  };
  return transposed([
    adapted(scaled(red, amounts[0])),
    adapted(scaled(green, amounts[1])),
    adapted(scaled(blue, amounts[2])),
  ]);
}

/** A tone curve: from numbers of 0 to 1 to light, and as a tag of a profile. */
interface Curve {
  readonly decode: (value: number) => number;
  readonly tag: Buffer;
}

const fixed = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 65536));
  return bytes;
};
const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const tag = (type: string, ...parts: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(type), word(0), ...parts]);

const SRGB_CURVE: Curve = {
  decode: (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4),
  tag: tag('para', word(3 << 16), ...[2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045].map(fixed)),
};

/** A power, in 256ths as the tag has it. */
function gamma(exponent: number): Curve {
  const count = Math.round(exponent * 256);
  return { decode: (value) => value ** (count / 256), tag: tag('curv', word(1), word(count << 16)) };
}

/** A profile, and what a colour of its numbers is in sRGB, 0 to 1, clipped. */
export interface Profile {
  readonly bytes: Buffer | null;
  toSrgb(colour: Triple): Triple;
}

/** An ICC profile of version 4, for a display, with these tags beside those that all have. */
function icc(space: 'GRAY' | 'RGB ', own: readonly (readonly [string, Buffer])[]): Buffer {
  const text = Buffer.from('test', 'utf16le').swap16();
  const words = tag('mluc', word(1), word(12), Buffer.from('enUS'), word(text.length), word(28), text);
  const white = tag('XYZ ', ...D50.map(fixed));
  const tags = [['desc', words], ['cprt', words], ['wtpt', white], ...own] as const;
  const table: Buffer[] = [word(tags.length)];
  const data: Buffer[] = [];
  let offset = 128 + 4 + 12 * tags.length;
  for (const [name, bytes] of tags) {
    table.push(Buffer.from(name), word(offset), word(bytes.length));
    data.push(bytes, Buffer.alloc(-bytes.length & 3));
    offset += bytes.length + (-bytes.length & 3);
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(offset, 0);
  header.writeUInt32BE(0x04000000, 8);
  header.write(`mntr${space}XYZ `, 12);
  header.write('acsp', 36);
  Buffer.concat(D50.map(fixed)).copy(header, 68);
  return Buffer.concat([header, ...table, ...data]);
}

const srgbOf = (light: number): number => {
  const clipped = Math.min(Math.max(light, 0), 1);
  return clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
};
const SRGB = toXyz(chromatic(0.64, 0.33), chromatic(0.3, 0.6), chromatic(0.15, 0.06));

function colourProfile(matrix: Matrix, curve: Curve): Profile {
  const columns = transposed(matrix);
  const tags = (['r', 'g', 'b'] as const).flatMap((name, i) => [
    [`${name}XYZ`, tag('XYZ ', ...(columns[i] ?? []).map(fixed))] as const,
    [`${name}TRC`, curve.tag] as const,
  ]);
  return {
    bytes: icc('RGB ', tags),
    toSrgb: ([r, g, b]) => {
      const light: Triple = [curve.decode(r), curve.decode(g), curve.decode(b)];
      const [x, y, z] = times(inverse(SRGB), times(matrix, light));
      return [srgbOf(x), srgbOf(y), srgbOf(z)];
    },
  };
}

function greyProfile(curve: Curve): Profile {
  const one = (value: number) => srgbOf(curve.decode(value));
  return { bytes: icc('GRAY', [['kTRC', curve.tag]]), toSrgb: ([r, g, b]) => [one(r), one(g), one(b)] };
}

const NONE: Profile = { bytes: null, toSrgb: (colour) => colour };

export const GREY_PROFILES = {
  none: NONE,
  'gamma 1.0': greyProfile(gamma(1)),
  'gamma 1.8': greyProfile(gamma(1.8)),
};

export const COLOUR_PROFILES = {
  none: NONE,
  sRGB: colourProfile(SRGB, SRGB_CURVE),
  'Display P3': colourProfile(
    toXyz(chromatic(0.68, 0.32), chromatic(0.265, 0.69), chromatic(0.15, 0.06)),
    SRGB_CURVE,
  ),
  'compatible with Adobe RGB': colourProfile(
    toXyz(chromatic(0.64, 0.33), chromatic(0.21, 0.71), chromatic(0.15, 0.06)),
    gamma(563 / 256),
  ),
};

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([word(data.length), body, word(crc32(body))]);
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 1 | 8 | 16;
}

/** A PNG of these bytes, each row behind a 0, and of no others: no library had a hand in its colours. */
export function pngOfRows(layout: Layout, rows: Buffer, profile: Buffer | null): Buffer {
  const { width, height, channels, bits } = layout;
  const kind = { 1: 0, 2: 4, 3: 2, 4: 6 }[channels];
  const header = Buffer.concat([word(width), word(height), Buffer.from([bits, kind, 0, 0, 0])]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    profile === null
      ? Buffer.alloc(0)
      : chunk('iCCP', Buffer.concat([Buffer.from('icc\0\0'), deflateSync(profile)])),
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export interface Numbers extends Layout {
  readonly bits: 8 | 16;
  /** Row by row, interleaved. */
  readonly values: readonly number[];
}

/** A PNG of these numbers. */
export function png(numbers: Numbers, profile: Buffer | null): Buffer {
  const { width, height, channels, bits, values } = numbers;
  const rowBytes = (width * channels * bits) / 8;
  const rows = Buffer.alloc((rowBytes + 1) * height);
  values.forEach((value, i) => {
    const row = Math.floor(i / (width * channels));
    const at = row * (rowBytes + 1) + 1 + ((i - row * width * channels) * bits) / 8;
    if (bits === 16) rows.writeUInt16BE(value, at);
    else rows[at] = value;
  });
  return pngOfRows(numbers, rows, profile);
}
