/** Loading of state dicts: everything is compared first, all problems are told at once, and only then anything changes. */
import { ArgumentError, StateDictError } from '../errors.js';
import { sameShape, spell } from '../graph/shape.js';
import { Tensor } from '../tensor.js';
import { Buffer, checkStored, Parameter, type StoredTensor, storedFromTensor } from './parameter.js';

/** Parameters and buffers by key. */
export type StateDict = ReadonlyMap<string, Parameter>;

/** One entry to load: of another module's state dict, of a file, or a tensor. */
export type StateDictEntry = Parameter | StoredTensor | Tensor;

/** Entries to load, by key. */
export type StateDictSource = ReadonlyMap<string, StateDictEntry> | Readonly<Record<string, StateDictEntry>>;

export interface LoadOptions {
  /** Refuse missing and unexpected keys (default true). A wrong shape is always refused. */
  readonly strict?: boolean;
}

export interface LoadResult {
  /** Keys of the module that the source lacks. */
  readonly missing: readonly string[];
  /** Keys of the source that the module lacks. */
  readonly unexpected: readonly string[];
}

const LISTED_KEYS = 12;

function storedOf(entry: StateDictEntry): StoredTensor | null {
  if (entry instanceof Parameter) return entry.stored;
  if (entry instanceof Tensor) return storedFromTensor(entry);
  return entry !== null &&
    typeof entry === 'object' &&
    entry.bytes instanceof Uint8Array &&
    Array.isArray(entry.shape)
    ? entry
    : null;
}

function list(title: string, keys: readonly string[]): string[] {
  if (keys.length === 0) return [];
  const more = keys.length > LISTED_KEYS ? `, ... (${keys.length} in all)` : '';
  return [`${title}: ${keys.slice(0, LISTED_KEYS).join(', ')}${more}`];
}

function hintFor(missing: readonly string[], unexpected: readonly string[]): string {
  const prefixed = unexpected.length > 0 && unexpected.every((key) => key.startsWith('module.'));
  if (prefixed) return "The keys start with 'module.', as DataParallel saves them: strip that prefix.";
  if (missing.length > 0 && unexpected.length > 0) return 'These look like the weights of another network.';
  return 'Pass { strict: false } to ignore missing and unexpected keys.';
}

/** Loads `source` into the parameters of `target`. */
export function loadInto(
  target: StateDict,
  source: StateDictSource,
  options: LoadOptions,
  op: string,
): LoadResult {
  if (
    source === null ||
    typeof source !== 'object' ||
    source instanceof Tensor ||
    ArrayBuffer.isView(source)
  ) {
    throw new ArgumentError('not a state dict', {
      op: `${op}.loadStateDict`,
      got: source === null ? 'null' : typeof source,
      wanted: 'tensors by key, such as readSafetensors(bytes).tensors',
    });
  }
  const entries = source instanceof Map ? source : new Map<string, StateDictEntry>(Object.entries(source));
  const missing: string[] = [];
  const mismatched: string[] = [];
  const described: string[] = [];
  const changes: [Parameter, StoredTensor][] = [];
  for (const [key, parameter] of target) {
    const entry = entries.get(key);
    if (entry === undefined || (entry instanceof Parameter && entry.stored === null)) {
      if (!parameter.optional) missing.push(key);
      continue;
    }
    const stored = storedOf(entry);
    if (stored === null) {
      mismatched.push(key);
      described.push(`${key} is not a tensor`);
      continue;
    }
    const integer = stored.dtype === 'I64';
    if (!sameShape(stored.shape, parameter.shape) || (integer && !(parameter instanceof Buffer))) {
      mismatched.push(key);
      described.push(
        `${key} ${spell(stored.shape)}${integer ? ' of int64' : ''} instead of ${spell(parameter.shape)}`,
      );
      continue;
    }
    changes.push([parameter, checkStored(stored)]);
  }
  const unexpected = [...entries.keys()].filter((key) => !target.has(key));
  const strict = options.strict ?? true;
  if (mismatched.length > 0 || (strict && missing.length + unexpected.length > 0)) {
    const parts = [
      ...list('missing', missing),
      ...list('unexpected', unexpected),
      ...list('wrong shape', described),
    ];
    throw new StateDictError(`the state dict does not fit: ${parts.join('; ')}`, {
      op: `${op}.loadStateDict`,
      missing,
      unexpected,
      mismatched,
      hint: hintFor(missing, unexpected),
    });
  }
  for (const [parameter, stored] of changes) parameter.set(stored);
  return { missing, unexpected };
}
