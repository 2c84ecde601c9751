/** Loading of state dicts: everything is compared first, all problems are told at once, and only then anything changes. */
import { isMap, isUint8Array } from '../brand.js';
import { checkOptions, flag } from '../check.js';
import { ArgumentError, StateDictError } from '../errors.js';
import { mayHold, Parameter } from '../graph/parameter.js';
import { clip } from '../spell.js';
import { sameShape, spell } from '../tensor/shape.js';
import { ownValues, type StoredTensor, viewOf } from '../tensor/stored.js';
import { Tensor } from '../tensor/tensor.js';
import { adviceFor, mistakenFor } from './state_dict_advice.js';

/** Parameters and buffers by key. */
export type StateDict = ReadonlyMap<string, Parameter>;

/** One entry to load: of another module's state dict, of a file, or a tensor. */
export type StateDictEntry = Parameter | StoredTensor | Tensor;

/** Entries to load, by key. */
export type StateDictSource = ReadonlyMap<string, StateDictEntry> | Readonly<Record<string, StateDictEntry>>;

export interface LoadOptions {
  /** Refuse missing and unexpected keys (default true). A wrong shape or dtype is always refused. */
  readonly strict?: boolean;
}

export interface LoadResult {
  /** Keys of the module that the source lacks. */
  readonly missing: readonly string[];
  /** Keys of the source that the module lacks. */
  readonly unexpected: readonly string[];
}

const LISTED_KEYS = 12;

/** What an entry holds; null where it is no tensor. */
function storedOf(entry: StateDictEntry): StoredTensor | null {
  if (entry instanceof Parameter) return entry.stored;
  if (entry instanceof Tensor) return viewOf(entry);
  return entry !== null &&
    typeof entry === 'object' &&
    isUint8Array(entry.bytes) &&
    typeof entry.dtype === 'string' &&
    Array.isArray(entry.shape) &&
    entry.shape.every((size) => typeof size === 'number')
    ? entry
    : null;
}

function list(title: string, keys: readonly string[]): string[] {
  if (keys.length === 0) return [];
  const more = keys.length > LISTED_KEYS ? `, ... (${keys.length} in all)` : '';
  return [`${title}: ${keys.slice(0, LISTED_KEYS).join(', ')}${more}`];
}

function entriesOf(source: StateDictSource, op: string): ReadonlyMap<string, StateDictEntry> {
  const mistaken = mistakenFor(source);
  if (mistaken === null) return isMap(source) ? source : new Map(Object.entries(source));
  throw new ArgumentError('not a state dict', {
    op,
    wanted: 'tensors by key, such as readSafetensors(bytes).tensors',
    ...mistaken,
  });
}

/** Loads `source` into the parameters of `target`, a module of the class `kind`. */
export function loadInto(
  target: StateDict,
  source: StateDictSource,
  options: LoadOptions,
  kind: string,
): LoadResult {
  const op = `${kind}.loadStateDict`;
  const entries = entriesOf(source, op);
  checkOptions(options, op, ['strict']);
  const strict = flag(options.strict, op, 'strict', true);
  const missing: string[] = [];
  const mismatched: string[] = [];
  const wrong = { shape: [] as string[], dtype: [] as string[], kind: [] as string[] };
  const changes: { key: string; parameter: Parameter; stored: StoredTensor }[] = [];
  for (const [key, parameter] of target) {
    const entry = entries.get(key);
    if (entry === undefined || (entry instanceof Parameter && entry.stored === null)) {
      if (!parameter.optional) missing.push(key);
      continue;
    }
    let stored = storedOf(entry);
    // Before PyTorch 0.4 there were no scalars.
    if (stored !== null && parameter.shape.length === 0 && sameShape(stored.shape, [1]))
      stored = { ...stored, shape: [], strides: [] };
    if (stored === null) wrong.kind.push(clip(key));
    else if (!mayHold(parameter, stored.dtype)) wrong.dtype.push(`${clip(key)} ${clip(stored.dtype)}`);
    else if (!sameShape(stored.shape, parameter.shape))
      wrong.shape.push(`${clip(key)} ${clip(spell(stored.shape))} instead of ${spell(parameter.shape)}`);
    else {
      changes.push({ key, parameter, stored });
      continue;
    }
    mismatched.push(key);
  }
  const unexpected = [...entries.keys()].filter((key) => !target.has(key));
  if (mismatched.length > 0 || (strict && missing.length + unexpected.length > 0)) {
    const parts = [
      ...list('missing', missing.map(clip)),
      ...list('unexpected', unexpected.map(clip)),
      ...list('wrong shape', wrong.shape),
      ...list('wrong dtype', wrong.dtype),
      ...list('not a tensor', wrong.kind),
    ];
    throw new StateDictError(`the state dict does not fit: ${parts.join('; ')}`, {
      op,
      missing,
      unexpected,
      mismatched,
      hint: adviceFor({
        kind,
        target: [...target.keys()],
        source: [...entries.keys()],
        isMap: isMap(source),
        missing,
        unexpected,
        wrongShape: wrong.shape.length > 0,
        wrongDtype: wrong.dtype.length > 0,
        notTensors: wrong.kind.length > 0,
      }),
    });
  }
  // All are copied before one is set: a copy may be refused.
  const owned = changes.map(({ key, parameter, stored }) => ({
    parameter,
    stored: ownValues(stored, `${op}: ${clip(key)}`),
  }));
  for (const { parameter, stored } of owned) parameter.values = { version: parameter.version + 1, stored };
  return { missing, unexpected };
}
