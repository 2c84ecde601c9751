/**
 * Values in words, for messages. Whatever came, a Symbol, an object without a prototype, a proxy that throws: spelling it never fails, and
 * what comes out is short.
 */

const MOST_ENTRIES = 16;
const MOST_LETTERS = 80;
const MOST_IN_ALL = 300;
const MOST_DEPTH = 3;

/** Text as short as a message wants it. */
export function clip(text: string): string {
  return cut(text, MOST_LETTERS);
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}

function listed(entries: readonly string[], count: number): string {
  return [...entries, ...(count > entries.length ? [`... (${count} in all)`] : [])].join(', ');
}

/** The name of an object's class: what its constructor is called, else what the platform calls it. */
function className(value: object): string {
  const name: unknown = (value as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
  if (typeof name === 'string' && name !== '' && name !== 'Object') return clip(name);
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function spelled(value: unknown, depth: number): string {
  if (typeof value === 'string')
    return `'${clip(JSON.stringify(value.slice(0, MOST_LETTERS + 1)).slice(1, -1))}'`;
  if (typeof value === 'bigint') return `${clip(String(value))}n`;
  if (typeof value === 'function') return clip(`function ${value.name}`.trimEnd());
  if (Object.is(value, -0)) return '-0';
  if (value === null || typeof value !== 'object') return clip(String(value));
  if (Array.isArray(value)) {
    if (depth === MOST_DEPTH) return `an array of ${value.length}`;
    const entries = Array.from({ length: Math.min(value.length, MOST_ENTRIES) }, (_, index) =>
      spelled(value[index], depth + 1),
    );
    return `[${listed(entries, value.length)}]`;
  }
  const name = className(value);
  if (name !== 'Object') return name;
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty object' : `{ ${listedNames(keys)} }`;
}

/** Names one after another, the first few of many. */
export function listedNames(names: readonly string[]): string {
  const first = names.slice(0, MOST_ENTRIES).map(clip);
  return listed(first, names.length);
}

/**
 * What came, for a message's `got`: `5`, `'text'`, `[1, 2]`, `{ width, height }`, `Float32Array`. Of foreign objects the class's name and the keys
 * are read, no values.
 */
export function shown(value: unknown): string {
  try {
    return cut(spelled(value, 0), MOST_IN_ALL);
  } catch {
    // A getter or a proxy's trap that throws.
    return `an unreadable ${typeof value}`;
  }
}

/** What a caught value says: an error's message, of whatever realm, or the value itself. */
export function messageOf(thrown: unknown): string {
  try {
    const message: unknown = (thrown as { readonly message?: unknown } | null | undefined)?.message;
    if (typeof message === 'string' && message !== '') return message;
  } catch {
    // As above.
  }
  return typeof thrown === 'string' ? thrown : shown(thrown);
}

/** {@link messageOf} behind the error's name: `RangeError: too large`. */
export function namedMessageOf(thrown: unknown): string {
  const message = messageOf(thrown);
  try {
    const name: unknown = (thrown as { readonly name?: unknown } | null | undefined)?.name;
    if (typeof name === 'string' && name !== '') return `${name}: ${message}`;
  } catch {
    // As above.
  }
  return message;
}
