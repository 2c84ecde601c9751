/** Decides where a painting goes: by `--output`, or by a name that derives from the photo's. It never gives a path that would replace the photo. */
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { FileError, UsageError } from './failure.js';

/** Formats that can be written, by extension. */
const FORMATS = { '.png': 'png', '.jpg': 'jpeg', '.jpeg': 'jpeg', '.webp': 'webp' } as const;

export type PictureFormat = (typeof FORMATS)[keyof typeof FORMATS];

export interface OutputPath {
  readonly path: string;
  readonly format: PictureFormat;
  /** Whether a file is there now, which only an explicit `--output` may replace. */
  readonly replaces: boolean;
}

async function statOrNull(
  path: string,
): Promise<{ isDirectory(): boolean; dev: bigint; ino: bigint } | null> {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return null;
  }
}

function isFormat(extension: string): extension is keyof typeof FORMATS {
  return Object.hasOwn(FORMATS, extension);
}

/** The explicit path, checked. Links are followed, so that no alias of the photo is taken for another file. */
async function explicit(output: string, photo: string): Promise<OutputPath> {
  const extension = extname(output).toLowerCase();
  if (!isFormat(extension)) {
    throw new UsageError(
      `--output must end in ${Object.keys(FORMATS).join(', ')}, which says the format; got '${output}'`,
    );
  }
  const there = await statOrNull(output);
  if (there?.isDirectory()) throw new FileError(`--output ${output} is a folder; give the name of a file`);
  const folder = dirname(resolve(output));
  if (!(await statOrNull(folder))?.isDirectory())
    throw new FileError(`--output ${output}: there is no folder ${folder}`);
  const source = await statOrNull(photo);
  if (there !== null && source !== null && there.dev === source.dev && there.ino === source.ino) {
    throw new FileError(
      `--output ${output} is the photo itself, which is never overwritten; give another name`,
    );
  }
  return { path: output, format: FORMATS[extension], replaces: there !== null };
}

/** `photo-mosaic.png` in the current folder, or the first of `photo-mosaic-2.png`, ... that is free. */
async function derived(photo: string, model: string): Promise<OutputPath> {
  const stem = `${basename(photo, extname(photo))}-${model}`;
  for (let count = 1; ; count++) {
    const path = join('.', `${stem}${count === 1 ? '' : `-${count}`}.png`);
    if ((await statOrNull(path)) === null) return { path, format: 'png', replaces: false };
  }
}

/**
 * Where to write.
 * @throws {@link UsageError} for an extension that names no format
 * @throws {@link FileError} for a folder, or for the photo itself
 */
export function outputPath(output: string | undefined, photo: string, model: string): Promise<OutputPath> {
  return output === undefined ? derived(photo, model) : explicit(output, photo);
}
