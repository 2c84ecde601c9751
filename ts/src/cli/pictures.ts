/** Reads picture files. Pixels are 8-bit sRGB here, RGB or RGBA; painting them is the engine's work, writing them is in encode.ts. */
import { readFile } from 'node:fs/promises';
import { describe, FileError, fileError } from './failure.js';
import { loadSharp } from './sharp.js';

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
