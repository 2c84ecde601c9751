/** Finds the weights that `--model` means: the name of one that ships, or a file. Reading their bytes is loadModel's work. */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileError } from './failure.js';
import { packageFolder } from './package_folder.js';
import { readBytes } from './read_bytes.js';

const FOLDER = new URL('models/', packageFolder);
const EXTENSION = '.safetensors';

export const DEFAULT_MODEL = 'mosaic';

/** Bytes of a model and the short name that output files get. */
export interface ModelFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Names of the models that ship. */
export async function modelNames(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length))
    .sort();
}

/** A name is a word; anything with a dot or a slash is a path. */
function isPath(model: string): boolean {
  return /[./\\]/.test(model);
}

/**
 * Reads the model called `model`.
 * @throws {@link FileError} when there is no such name or file
 */
export async function readModel(model: string): Promise<ModelFile> {
  let path = model;
  if (!isPath(model)) {
    const names = await modelNames();
    if (!names.includes(model)) {
      throw new FileError(
        `no model is called '${model}'; there are ${names.join(', ')}, or give the path of a ${EXTENSION} file`,
      );
    }
    path = fileURLToPath(new URL(model + EXTENSION, FOLDER));
  }
  const bytes = await readBytes('cannot read the model', path);
  return { name: basename(path).replace(/\.[^.]*$/, ''), path, bytes };
}
