/** Reads picture files. Pixels are 8-bit sRGB here, RGB or RGBA; painting them is the engine's work, writing them is in encode.ts. */
import { describe, FileError } from './failure.js';
import { readBytes } from './read_bytes.js';
import { loadSharp, type OpenSharp } from './sharp.js';

/** Decoded pixels, row by row. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** Size in the file, upright, before `--size` shrank it. */
  readonly fileWidth: number;
  readonly fileHeight: number;
  /** What is wrong with a file of which only a part could be decoded; null where nothing is. */
  readonly damage: string | null;
}

/** Pixels of the largest file that is read: far more than memory holds, but sharp shrinks while it decodes. Files of a few bytes claim billions. */
const MOST_PIXELS = 2 ** 30;

/** Pixels of the largest file that is read without shrinking: more than any network paints in 4 GiB. */
const MOST_PIXELS_IN_FULL = 2 ** 28;

/** Fewer pixels on a side cannot be extended by reflection. */
const SHORTEST_SIDE_PX = 2;

/** A pixel's, of which a photo has seven bits and its first hundredth, over an empty rest, one or two tenths. */
const LEAST_ENTROPY_BITS = 0.1;

/** EXIF orientations from 5 on lie on their side. */
const FIRST_SIDEWAYS_ORIENTATION = 5;

/**
 * What 16-bit pixels are brought to before their profile is applied, since sharp's own way with them is wrong: it ignores the profile of grey
 * (before 0.34.3 here too), and converts RGB to Display P3 without converting it back.
 */
const EIGHT_BITS: Readonly<Record<string, string>> = { grey16: 'b-w', rgb16: 'srgb' };

/** What sharp says that speaks of a format, not of the file. */
const UNREAD_FORMAT = /unsupported image format|not been built in/;

/** What sharp said, without its noise: libheif's loader reports each seek while it looks for the end of the file. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error))
    .split('\n')
    .map((line) => line.replace(/^Input buffer has corrupt header:/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('source: bad seek'));
  const said = describe([...new Set(lines)].join('; ')) || 'its header is damaged';
  return UNREAD_FORMAT.test(said) ? `${said}; PNG, JPEG, WebP, AVIF, GIF, TIFF and SVG are read` : said;
}

/** Decodes as {@link readPicture} says. `failOn` is how damaged a file may be: sharp refuses what it would warn of, or takes what it gets. */
async function decode(
  sharp: OpenSharp,
  bytes: Uint8Array,
  maxSide_px: number | null,
  failOn: 'warning' | 'none',
): Promise<Omit<Picture, 'damage'>> {
  const header = sharp(bytes, { failOn, limitInputPixels: false });
  const { width, height, space, orientation = 1 } = await header.metadata();
  const most = maxSide_px === null ? MOST_PIXELS_IN_FULL : MOST_PIXELS;
  if (width * height > most) {
    const advice =
      maxSide_px === null
        ? ' without shrinking; --size N shrinks it while it is read'
        : '; shrink it by other means first';
    throw new FileError(
      `it has ${width}x${height} pixels, and at most ${Math.floor(most / 1e6)} million are read${advice}`,
    );
  }
  // rotate() without an angle turns by the EXIF orientation, in every version of sharp that is allowed.
  const pipeline = sharp(bytes, { failOn, limitInputPixels: most }).rotate();
  const eightBits = EIGHT_BITS[space];
  if (eightBits !== undefined) pipeline.pipelineColourspace(eightBits);
  if (maxSide_px !== null) {
    pipeline.resize({ width: maxSide_px, height: maxSide_px, fit: 'inside', withoutEnlargement: true });
  }
  const { data, info } = await pipeline
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { channels } = info;
  if (channels !== 3 && channels !== 4) {
    throw new FileError(`it has ${channels} channels after conversion to sRGB, not 3 or 4`);
  }
  const [fileWidth, fileHeight] =
    orientation >= FIRST_SIDEWAYS_ORIENTATION ? [height, width] : [width, height];
  if (Math.min(info.width, info.height) < SHORTEST_SIDE_PX && Math.min(width, height) >= SHORTEST_SIDE_PX) {
    throw new FileError(
      `${fileWidth}x${fileHeight} pixels shrink to ${info.width}x${info.height}, and at least 2x2 are wanted; give a larger --size, or --size full`,
    );
  }
  return { data, width: info.width, height: info.height, channels, fileWidth, fileHeight };
}

/** Whether of a damaged file so little is left that nobody wants it painted. */
async function isBlank(sharp: OpenSharp, { data, width, height, channels }: Omit<Picture, 'damage'>) {
  const { entropy } = await sharp(data, { raw: { width, height, channels } }).stats();
  return entropy < LEAST_ENTROPY_BITS;
}

/**
 * Reads a picture: turned upright, in sRGB, shrunk so that its longest side is at most `maxSide_px` (never enlarged).
 * Embedded profiles, CMYK, grey and 16-bit files become 8-bit sRGB; alpha is kept; of an animation comes the first frame.
 * Of a damaged file comes what could be decoded, as in viewers, and `damage` says what is wrong with it.
 * @throws {@link FileError} when the file cannot be read, is no picture, has too many pixels, or would shrink to a line; a damaged one, when next to nothing could be decoded
 */
export async function readPicture(path: string, maxSide_px: number | null): Promise<Picture> {
  const sharp = await loadSharp();
  const bytes = await readBytes('cannot read', path);
  try {
    return { ...(await decode(sharp, bytes, maxSide_px, 'warning')), damage: null };
  } catch (error) {
    if (error instanceof FileError) throw new FileError(`${path}: ${error.message}`, { cause: error });
    const refused = new FileError(`cannot decode ${path}: ${reasonOf(error)}`, { cause: error });
    const rest = await decode(sharp, bytes, maxSide_px, 'none').catch(() => null);
    if (rest === null || (await isBlank(sharp, rest))) throw refused;
    return { ...rest, damage: reasonOf(error) };
  }
}
