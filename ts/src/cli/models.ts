/** Finds the weights that `--model` means, the name of one that ships or a file, and the card beside them. Reading their bytes is loadModel's work. */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelFormatError } from '../errors.js';
import { checkContract, type PictureContract } from '../picture_contract.js';
import { describe, FileError, inFile, isCode } from './failure.js';
import { packageFolder } from './package_folder.js';
import { readBytes } from './read_bytes.js';

const FOLDER = new URL('models/', packageFolder);
const EXTENSION = '.safetensors';

export const DEFAULT_MODEL = 'mosaic';

/** Bytes of a model, and the short name that output files get. */
export interface ModelFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** What its card says of pictures; empty without a card. */
  readonly pictures: PictureContract;
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

/** What the card at `path` says of pictures: its entries `input` and `output`. @throws {@link FileError} when it cannot be right */
async function readCard(path: string): Promise<PictureContract> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes('cannot read the card', path);
  } catch (error) {
    if (error instanceof FileError && isCode(error.cause, 'ENOENT', 'ENOTDIR')) return {};
    throw error;
  }
  return inFile(path, () => {
    const { input, output } = parsed(new TextDecoder().decode(bytes));
    return checkContract({ input, output }, (what, facts) => new ModelFormatError(what, facts), 'card');
  });
}

function parsed(text: string): { readonly input?: unknown; readonly output?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch (error) {
    throw new FileError(`not JSON: ${describe(error)}`, { cause: error });
  }
}

/**
 * Reads the model called `model`, and its card: the file of the same name that ends in .json, where there is one.
 * @throws {@link FileError} when there is no such name or file, or the card cannot be right
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
  const withoutExtension = /\.[^.\\/]*$/;
  const pictures = await readCard(`${path.replace(withoutExtension, '')}.json`);
  return { name: basename(path).replace(withoutExtension, ''), path, bytes, pictures };
}
