/** Pictures as callers have them: what `paint` takes, checked, and what it gives back. No pixel is looked at here. */
import { ImageError } from '../errors.js';

/** What the numbers of a picture mean: ImageData's colour spaces. */
export type ColorSpace = 'srgb' | 'display-p3';

/** Pixels row by row, interleaved, 8 bits a channel: grey, grey + alpha, RGB or RGBA. ImageData is one. */
export interface PixelImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** 1 to 4; left out, it is `data.length / (width * height)`. */
  readonly channels?: number | undefined;
  /** Left out, it is 'srgb'. Networks see the numbers as they are; the painting is of the same space. */
  readonly colorSpace?: ColorSpace | undefined;
}

/** What sharp's `raw().toBuffer({ resolveWithObject: true })` resolves with. */
export interface SharpImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly info: { readonly width: number; readonly height: number; readonly channels: number };
}

/** A picture that `paint` takes as it is. */
export type ImageInput = PixelImage | SharpImage;

/** A painted picture: RGBA, 8 bits a channel, usable as it is to make an ImageData. */
export interface PaintedImage {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly channels: 4;
  /** That of the picture. */
  readonly colorSpace: ColorSpace;
}

/** A picture whose numbers agree. */
export interface Picture {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly colorSpace: ColorSpace;
}

function isChannels(count: number): count is Picture['channels'] {
  return count === 1 || count === 2 || count === 3 || count === 4;
}

function kindOf(data: unknown): string {
  if (data === null || typeof data !== 'object') return data === null ? 'null' : typeof data;
  return data.constructor?.name ?? 'an object';
}

/**
 * Checks a picture.
 * @throws {@link ImageError} when it has no pixels, fewer than 2 x 2, other than 8-bit data, an unknown colour space, or sizes that do not agree with the data
 */
export function checkPicture(op: string, image: ImageInput): Picture {
  if (image === null || typeof image !== 'object') {
    const hint = 'Encoded files must be decoded first, in Node for instance with sharp.';
    throw new ImageError('not a picture', {
      op,
      got: kindOf(image),
      wanted: '{ data, width, height }',
      hint,
    });
  }
  const { data } = image;
  const {
    width,
    height,
    channels: declared,
    colorSpace = 'srgb',
  }: Omit<PixelImage, 'data'> = 'info' in image && image.info ? image.info : (image as PixelImage);
  const sizes = `${String(width)} x ${String(height)}`;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    const hint =
      "Float and 16-bit pixels must be converted to 0 .. 255 first; getImageData gives such with { pixelFormat: 'rgba-unorm8' }.";
    throw new ImageError('not 8-bit pixels', {
      op,
      got: kindOf(data),
      wanted: 'a Uint8Array or Uint8ClampedArray',
      hint,
    });
  }
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height) || width < 0 || height < 0) {
    throw new ImageError('impossible sizes', { op, got: sizes, wanted: 'width and height in whole pixels' });
  }
  if (width < 2 || height < 2) {
    throw new ImageError('the picture is too small', {
      op,
      got: `${sizes} pixels`,
      wanted: 'at least 2 x 2',
      hint: 'A picture is extended by its reflection, which a single row or column does not have.',
    });
  }
  const channels = declared ?? data.length / (width * height);
  if (!isChannels(channels)) {
    throw new ImageError(
      declared === undefined ? 'the data does not match the sizes' : 'impossible number of channels',
      {
        op,
        got: declared === undefined ? `${data.length} bytes for ${sizes} pixels` : String(declared),
        wanted: '1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) bytes a pixel',
      },
    );
  }
  if (data.length !== width * height * channels) {
    throw new ImageError('the data does not match the sizes', {
      op,
      got: `${data.length} bytes`,
      wanted: `${width * height * channels} for ${sizes} pixels of ${channels} channels`,
      hint: 'Are the pixels 8-bit, and is channels right?',
    });
  }
  if (colorSpace !== 'srgb' && colorSpace !== 'display-p3') {
    throw new ImageError('unknown colour space', {
      op,
      got: typeof colorSpace === 'string' ? colorSpace : kindOf(colorSpace),
      wanted: "'srgb' or 'display-p3'",
    });
  }
  return { data, width, height, channels, colorSpace };
}
