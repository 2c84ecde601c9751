/** Writes paintings as picture files; reading photos is in pictures.ts. */
import { writeFile } from 'node:fs/promises';
import { fileError } from './failure.js';
import type { OutputPath } from './output_path.js';
import { loadSharp } from './sharp.js';

/** RGBA pixels, as `engine.paint` gives them. */
export interface Painting {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
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
