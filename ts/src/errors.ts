/**
 * Every error that gouache throws on purpose: one base class, one class a kind, each with a literal `code` and the facts as fields.
 * Callers look at `code` or `instanceof`, never at the text. What the caller cannot have caused, such as a fault of a kernel, is the base
 * class itself, in runtime/'s words.
 */

/** The facts that a message is made of; each is also a field of the error. */
export interface ErrorFacts {
  /** The layer, function or method that refused. */
  readonly op?: string | undefined;
  /** What came. */
  readonly got?: string | undefined;
  /** What was wanted instead. */
  readonly wanted?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export type ErrorCode =
  | 'shape'
  | 'argument'
  | 'state-dict'
  | 'model-format'
  | 'image'
  | 'out-of-memory'
  | 'unsupported'
  | 'engine-crashed'
  | 'engine-disposed'
  | 'internal';

function sentence(what: string, facts: ErrorFacts): string {
  const details: string[] = [];
  if (facts.got !== undefined) details.push(`got ${facts.got}`);
  if (facts.wanted !== undefined) details.push(`wanted ${facts.wanted}`);
  const head = facts.op === undefined ? what : `${facts.op}: ${what}`;
  const body = details.length === 0 ? head : `${head} (${details.join('; ')})`;
  return facts.hint === undefined ? body : `${body}. ${facts.hint}`;
}

/** Base of all errors that gouache throws; `code` says which kind. Its own, 'internal', is a bug of gouache's; the engine can be used on. */
export class GouacheError extends Error {
  override readonly name: string = 'GouacheError';
  readonly code: ErrorCode = 'internal';
  readonly op?: string;
  readonly got?: string;
  readonly wanted?: string;
  readonly hint?: string;

  /** @param what one clause without a full stop; the facts are appended to it. */
  constructor(what: string, facts: ErrorFacts = {}) {
    super(sentence(what, facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    if (facts.op !== undefined) this.op = facts.op;
    if (facts.got !== undefined) this.got = facts.got;
    if (facts.wanted !== undefined) this.wanted = facts.wanted;
    if (facts.hint !== undefined) this.hint = facts.hint;
  }
}

/** A shape that the op cannot take: wrong rank, wrong channels, too small. */
export class ShapeError extends GouacheError {
  override readonly name = 'ShapeError';
  override readonly code = 'shape';
}

/** An argument that cannot be right, whatever the shapes. */
export class ArgumentError extends GouacheError {
  override readonly name = 'ArgumentError';
  override readonly code = 'argument';
}

/** Which entries of a state dict do not fit. */
export interface StateDictFacts extends ErrorFacts {
  readonly missing?: readonly string[];
  readonly unexpected?: readonly string[];
  /** Keys whose shape (or kind of number) is not the module's. */
  readonly mismatched?: readonly string[];
}

/** Weights that do not fit the module, or that were never loaded. */
export class StateDictError extends GouacheError {
  override readonly name = 'StateDictError';
  override readonly code = 'state-dict';
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly mismatched: readonly string[];

  constructor(what: string, facts: StateDictFacts = {}) {
    super(what, facts);
    this.missing = facts.missing ?? [];
    this.unexpected = facts.unexpected ?? [];
    this.mismatched = facts.mismatched ?? [];
  }
}

/** A model file that is damaged, hostile, or says what gouache does not know. */
export class ModelFormatError extends GouacheError {
  override readonly name = 'ModelFormatError';
  override readonly code = 'model-format';
}

/** A picture that cannot be read or painted. */
export class ImageError extends GouacheError {
  override readonly name = 'ImageError';
  override readonly code = 'image';
}

export interface OutOfMemoryFacts extends ErrorFacts {
  readonly wantedBytes: number;
  /** Longest side, in pixels, of the largest picture of the same aspect ratio that fits; null where there is none or no picture is meant. */
  readonly largestSide: number | null;
}

/** A plan that would not fit memory; thrown by `compile` before anything is allocated. */
export class OutOfMemoryError extends GouacheError {
  override readonly name = 'OutOfMemoryError';
  override readonly code = 'out-of-memory';
  readonly wantedBytes: number;
  readonly largestSide: number | null;

  constructor(what: string, facts: OutOfMemoryFacts) {
    super(what, facts);
    this.wantedBytes = facts.wantedBytes;
    this.largestSide = facts.largestSide;
  }
}

/** Something PyTorch has and this version of gouache does not. */
export class UnsupportedError extends GouacheError {
  override readonly name = 'UnsupportedError';
  override readonly code = 'unsupported';
}

/** The engine's worker or its wasm instance died; make a new engine. */
export class EngineCrashedError extends GouacheError {
  override readonly name = 'EngineCrashedError';
  override readonly code = 'engine-crashed';
}

/** The engine or session was disposed before the call. */
export class EngineDisposedError extends GouacheError {
  override readonly name = 'EngineDisposedError';
  override readonly code = 'engine-disposed';
}

/** An error as plain data, for crossing a worker. */
export interface ErrorOnWire {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const FIELDS = [
  'op',
  'got',
  'wanted',
  'hint',
  'missing',
  'unexpected',
  'mismatched',
  'wantedBytes',
  'largestSide',
] as const;

/** Takes an error apart into plain data. */
export function toWire(error: GouacheError): ErrorOnWire {
  const fields: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const value: unknown = Reflect.get(error, field);
    if (value !== undefined) fields[field] = value;
  }
  return { code: error.code, message: error.message, fields };
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** An error of the right class; the message is given at once, because stack traces begin with that of the constructor. */
function withMessage({ code, message, fields }: ErrorOnWire): GouacheError {
  switch (code) {
    case 'shape':
      return new ShapeError(message);
    case 'argument':
      return new ArgumentError(message);
    case 'state-dict':
      return new StateDictError(message, {
        missing: strings(fields.missing),
        unexpected: strings(fields.unexpected),
        mismatched: strings(fields.mismatched),
      });
    case 'model-format':
      return new ModelFormatError(message);
    case 'image':
      return new ImageError(message);
    case 'out-of-memory':
      return new OutOfMemoryError(message, {
        wantedBytes: Number(fields.wantedBytes ?? Number.NaN),
        largestSide: typeof fields.largestSide === 'number' ? fields.largestSide : null,
      });
    case 'unsupported':
      return new UnsupportedError(message);
    case 'engine-crashed':
      return new EngineCrashedError(message);
    case 'engine-disposed':
      return new EngineDisposedError(message);
    case 'internal':
      return new GouacheError(message);
    default:
      return code satisfies never;
  }
}

/** Rebuilds the error that {@link toWire} took apart, with its class, message and fields. */
export function fromWire(wire: ErrorOnWire): GouacheError {
  const error = withMessage(wire);
  for (const field of ['op', 'got', 'wanted', 'hint'] as const) {
    const value = wire.fields[field];
    if (typeof value === 'string') Object.defineProperty(error, field, { value, enumerable: true });
  }
  return error;
}
