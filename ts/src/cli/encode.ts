/** Turns paintings into the bytes of picture files: the formats, what they hold, how they are encoded. Where the bytes go is in output.ts, reading photos in pictures.ts. */
import type { Sharp } from 'sharp';
import { describe, FileError } from './failure.js';
import { loadSharp } from './sharp.js';

/** RGBA pixels, as `engine.paint` gives them. */
export interface Painting {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

export type PictureFormat = 'png' | 'jpeg' | 'webp';

/** Formats that can be written, by extension. */
export const EXTENSIONS: Readonly<Record<string, PictureFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};

const JPEG_QUALITY = 92;
const WEBP_QUALITY = 92;

/** What a JPEG, which has no alpha, shows where the picture is transparent. */
const PAPER = '#ffffff';

interface Encoder {
  readonly name: string;
  /** The longest side that its files have: of JPEG libjpeg's JPEG_MAX_DIMENSION, of WebP 14 bits. */
  readonly longestSide_px: number;
  encode(image: Sharp): Sharp;
}

const ENCODERS: Readonly<Record<PictureFormat, Encoder>> = {
  png: { name: 'PNG', longestSide_px: 2 ** 31 - 1, encode: (image) => image.png() },
  jpeg: {
    name: 'JPEG',
    longestSide_px: 65_500,
    encode: (image) => image.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' }),
  },
  webp: { name: 'WebP', longestSide_px: 16_383, encode: (image) => image.webp({ quality: WEBP_QUALITY }) },
};

/** @throws {@link FileError} when files of this format have no room for such a picture */
export function checkSides(format: PictureFormat, width: number, height: number): void {
  const { name, longestSide_px } = ENCODERS[format];
  if (Math.max(width, height) <= longestSide_px) return;
  throw new FileError(
    `a ${name} file has at most ${longestSide_px} pixels a side, and the painting would have ${width}x${height}; write a .png, or give --size ${longestSide_px}`,
  );
}

/**
 * The bytes of a picture file. Without `alpha`, all pixels are opaque and the file has no alpha channel.
 * @throws {@link FileError} when the picture cannot be encoded
 */
export async function encodePicture(
  { data, width, height }: Painting,
  alpha: boolean,
  format: PictureFormat,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const image = sharp(pixels, { raw: { width, height, channels: 4 } });
  // Each call changes `image` itself.
  if (format === 'jpeg') image.flatten({ background: PAPER });
  else if (!alpha) image.removeAlpha();
  try {
    return await ENCODERS[format].encode(image).toBuffer();
  } catch (error) {
    throw new FileError(`cannot encode the painting as ${ENCODERS[format].name}: ${describe(error)}`, {
      cause: error,
    });
  }
}
