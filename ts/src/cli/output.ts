/** Where a painting goes: by `--output`, or by a name that derives from the photo's, never over the photo. Checked before painting; what is painted is saved, elsewhere if need be. */
import { constants } from 'node:fs';
import { access, lstat, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { EXTENSIONS, type PictureFormat } from './encode.js';
import { FileError, fileError, isCode, UsageError } from './failure.js';
import { createFile, numbered, replaceFile, tryFolder } from './safe_file.js';

export interface Output {
  readonly path: string;
  readonly format: PictureFormat;
  /** Whether `--output` named it: only then it may replace a file. A derived name is numbered where it is taken. */
  readonly explicit: boolean;
}

/** What `look` finds, or null where nothing is. */
async function orNull<T>(look: Promise<T>): Promise<T | null> {
  try {
    return await look;
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** A painting is written beside its place, so that a file alone that may be written is not enough. */
async function checkFolder(output: string, folder: string): Promise<void> {
  try {
    await tryFolder(folder);
  } catch (error) {
    throw fileError(`cannot write ${output}: no file can be made in`, folder, error);
  }
}

/** Links are followed, so that no alias of the photo is taken for another file. */
async function checkExplicit(output: string, photo: string): Promise<void> {
  const there = await orNull(stat(output, { bigint: true }));
  if (there?.isDirectory() || /[/\\]$/.test(output))
    throw new FileError(`--output ${output} is a folder; give the name of a file`);
  if (there === null) {
    const folder = dirname(resolve(output));
    if (!(await orNull(stat(folder)))?.isDirectory())
      throw new FileError(`--output ${output}: there is no folder ${folder}`);
    if ((await orNull(lstat(output))) !== null)
      throw new FileError(`--output ${output} is a link to a file that is not there; give that file's name`);
    return checkFolder(output, folder);
  }
  const source = await stat(photo, { bigint: true }).catch(() => null);
  if (there.dev === source?.dev && there.ino === source.ino) {
    throw new FileError(
      `--output ${output} is the photo itself, which is never overwritten; give another name`,
    );
  }
  // A file that may not be written is protected, though its folder would let another take its place.
  await access(output, constants.W_OK);
  if (there.isFile()) await checkFolder(output, dirname(await realpath(output)));
}

async function explicit(output: string, photo: string): Promise<Output> {
  const format = EXTENSIONS[extname(output).toLowerCase()];
  if (format === undefined) {
    throw new UsageError(
      `--output must end in ${Object.keys(EXTENSIONS).join(', ')}, which says the format; got '${output}'`,
    );
  }
  try {
    await checkExplicit(output, photo);
  } catch (error) {
    throw error instanceof FileError ? error : fileError('cannot write', output, error);
  }
  return { path: output, format, explicit: true };
}

/** `photo-mosaic.png` in the current folder, or `photo-mosaic-2.png`, ... */
async function derived(photo: string, model: string): Promise<Output> {
  const path = `${basename(photo, extname(photo))}-${model}.png`;
  try {
    // A dangling link takes its name too.
    for (let count = 1; (await orNull(lstat(numbered(path, count)))) !== null; count++);
    await tryFolder('.');
  } catch (error) {
    throw new FileError(`${fileError('cannot write', path, error).message}; --output names another file`, {
      cause: error,
    });
  }
  return { path, format: 'png', explicit: false };
}

/**
 * Where to write, as far as can be known before there is anything to write.
 * @throws {@link UsageError} for an extension that names no format
 * @throws {@link FileError} for a folder, for the photo itself, and where no file can be written
 */
export function chooseOutput(output: string | undefined, photo: string, model: string): Promise<Output> {
  return output === undefined ? derived(photo, model) : explicit(output, photo);
}

/** Saves a finished painting whose place has become impossible: in this folder, or in the one for temporary files. Null if neither takes it. */
async function rescue(bytes: Uint8Array, extension: string): Promise<string | null> {
  for (const folder of ['.', tmpdir()]) {
    try {
      return await createFile(join(folder, `gouache-painting${extension}`), bytes);
    } catch {
      // The next one may.
    }
  }
  return null;
}

/**
 * Writes the bytes, and says in one line where they are.
 * @throws {@link FileError} when they are not where they should be; it says where they are instead
 */
export async function save(bytes: Uint8Array, output: Output): Promise<string> {
  try {
    if (!output.explicit) return `wrote ${await createFile(output.path, bytes)}`;
    return `${(await replaceFile(output.path, bytes)) ? 'replaced' : 'wrote'} ${output.path}`;
  } catch (error) {
    const failure = fileError('cannot write', output.path, error);
    const place = await rescue(bytes, extname(output.path));
    if (place === null) throw failure;
    throw new FileError(`${failure.message}; the painting is saved as ${place}`, { cause: error });
  }
}
