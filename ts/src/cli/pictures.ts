/** Picture files in and out, through sharp, which is an optional peer. Pixels are 8-bit sRGB here, RGB or RGBA; painting them is the engine's work. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Sharp, SharpOptions } from 'sharp';
import { describe, FileError, fileError } from './failure.js';
import type { OutputPath } from './output_path.js';

/** Decoded pixels, row by row. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** Size in the file, upright, before `--size` shrank it. */
  readonly fileWidth: number;
  readonly fileHeight: number;
}

/** RGBA pixels, as `engine.paint` gives them. */
export interface Painting {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

type OpenSharp = (input: Uint8Array, options?: SharpOptions) => Sharp;

async function loadSharp(): Promise<OpenSharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const reason = missing ? '' : `: ${describe(error)}`;
    const what = missing ? 'which is not installed' : 'which does not load';
    throw new FileError(
      `reading and writing pictures needs the package sharp, ${what} (npm install sharp)${reason}`,
      { cause: error },
    );
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError('cannot read', path, error);
  }
}

/** EXIF orientations from 5 on lie on their side. */
const FIRST_SIDEWAYS_ORIENTATION = 5;

/**
 * Reads a picture: turned upright, in sRGB, shrunk so that its longest side is at most `maxSide_px` (never enlarged).
 * Embedded profiles, CMYK, grey and 16-bit files become 8-bit sRGB; alpha is kept; of an animation comes the first frame.
 * @throws {@link FileError} when the file cannot be read or is no picture
 */
export async function readPicture(path: string, maxSide_px: number | null): Promise<Picture> {
  const sharp = await loadSharp();
  const bytes = await readBytes(path);
  try {
    const { width, height, orientation = 1 } = await sharp(bytes).metadata();
    const sideways = orientation >= FIRST_SIDEWAYS_ORIENTATION;
    // rotate() without an angle turns by the EXIF orientation, in every version of sharp that is allowed.
    let pipeline = sharp(bytes).rotate();
    if (maxSide_px !== null) {
      pipeline = pipeline.resize({
        width: maxSide_px,
        height: maxSide_px,
        fit: 'inside',
        withoutEnlargement: true,
      });
    }
    const { data, info } = await pipeline
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3 && info.channels !== 4) {
      throw new FileError(`it has ${info.channels} channels after conversion to sRGB, not 3 or 4`);
    }
    return {
      data,
      width: info.width,
      height: info.height,
      channels: info.channels,
      fileWidth: sideways ? height : width,
      fileHeight: sideways ? width : height,
    };
  } catch (error) {
    throw new FileError(`cannot decode ${path}: ${describe(error)}; PNG, JPEG and WebP are read`, {
      cause: error,
    });
  }
}

const JPEG_QUALITY = 92;
const WEBP_QUALITY = 92;

/** What a JPEG, which has no alpha, shows where the picture is transparent. */
const PAPER = '#ffffff';

/**
 * Writes a painting in the format that its path names. Without `alpha`, all pixels are opaque and the file has no alpha channel.
 * @throws {@link FileError} when the file cannot be written
 */
export async function writePicture(painting: Painting, alpha: boolean, output: OutputPath): Promise<void> {
  const sharp = await loadSharp();
  const { data, width, height } = painting;
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const image = sharp(pixels, { raw: { width, height, channels: 4 } });
  // Each call changes `image` itself.
  if (output.format === 'jpeg') image.flatten({ background: PAPER });
  else if (!alpha) image.removeAlpha();
  const encoders = {
    png: () => image.png(),
    jpeg: () => image.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' }),
    webp: () => image.webp({ quality: WEBP_QUALITY }),
  } as const;
  try {
    const bytes = await encoders[output.format]().toBuffer();
    // 'wx' fails where a file has appeared meanwhile.
    await writeFile(output.path, bytes, { flag: output.replaces ? 'w' : 'wx' });
  } catch (error) {
    throw fileError('cannot write', output.path, error);
  }
}
