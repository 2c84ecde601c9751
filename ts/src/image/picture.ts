/** Pictures as callers have them: what `paint` takes, checked, and what it gives back. No pixel is looked at here. */
import { typedArrayKind } from '../brand.js';
import { ImageError } from '../errors.js';
import { shown } from '../spell.js';

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

/** What to do with things that show a picture, or hold one encoded, by the names of their classes. */
const WAYS: readonly (readonly [names: RegExp, hint: string])[] = [
  [/Context2D$/, 'Take its pixels: context.getImageData(0, 0, width, height).'],
  [
    /Canvas(?:Element)?$/,
    "Take its pixels: canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).",
  ],
  [
    /^(?:(?:HTML|SVG)?Image(?:Element)?|ImageBitmap|VideoFrame|HTMLVideoElement)$/,
    "Draw it on a canvas, and take that one's pixels: context.drawImage(it, 0, 0), then context.getImageData(0, 0, width, height).",
  ],
  [/^Promise$/, 'Await it first.'],
  [/^Sharp$/, 'Await its pixels: await image.raw().toBuffer({ resolveWithObject: true }).'],
];
const DECODE =
  'Files, their paths and their bytes must be decoded first: in Node for instance with sharp, in a page by drawing them on a canvas.';

/** The error for something that has no pixels in `data`. */
function notPicture(op: string, image: unknown): ImageError {
  const got = shown(image);
  const hint = WAYS.find(([names]) => names.test(got))?.[1] ?? DECODE;
  return new ImageError('not a picture', {
    op,
    got,
    wanted: '{ data, width, height }, such as ImageData',
    hint,
  });
}

/**
 * Checks a picture.
 * @throws {@link ImageError} when it has no pixels, fewer than 2 x 2, other than 8-bit data, an unknown colour space, or sizes that do not agree with the data
 */
export function checkPicture(op: string, image: ImageInput): Picture {
  if (image === null || typeof image !== 'object' || image.data === undefined) throw notPicture(op, image);
  const { data } = image;
  const {
    width,
    height,
    channels: declared,
    colorSpace = 'srgb',
  }: Omit<PixelImage, 'data'> = 'info' in image && image.info ? image.info : (image as PixelImage);
  const sizes = `${shown(width)} x ${shown(height)}`;
  const array = typedArrayKind(data);
  if (array !== 'Uint8Array' && array !== 'Uint8ClampedArray') {
    const hint =
      "Float and 16-bit pixels must be converted to 0 .. 255 first; getImageData gives such with { pixelFormat: 'rgba-unorm8' }.";
    throw new ImageError('not 8-bit pixels', {
      op,
      got: shown(data),
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
        got: declared === undefined ? `${data.length} bytes for ${sizes} pixels` : shown(declared),
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
      got: typeof colorSpace === 'string' ? colorSpace : shown(colorSpace),
      wanted: "'srgb' or 'display-p3'",
    });
  }
  return { data, width, height, channels, colorSpace };
}
