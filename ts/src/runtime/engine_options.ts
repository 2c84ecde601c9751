/** The numbers and addresses in the options of `Engine.create`, checked. */
import { ArgumentError } from '../errors.js';
import { MAX_WORKERS } from '../ops/records.gen.js';
import { listedNames, shown } from '../spell.js';
import type { UrlLike } from './builds.js';
import { MOST_PAGES, PAGE_BYTES } from './heap.js';

const OP = 'Engine.create';
/** Below this not even the kernels' stack and constants fit. */
const LEAST_BYTES = 4 * 2 ** 20;

/** As many as a plan has room for. */
export const MOST_THREADS = MAX_WORKERS;

interface Checkable {
  readonly build?: string | undefined;
  readonly threads?: number | undefined;
  readonly wasm?: object | string | undefined;
  readonly worker?: boolean | undefined;
  readonly workerUrl?: string | UrlLike | undefined;
  readonly maxMemoryBytes?: number | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

const NAMES = [
  'build',
  'threads',
  'wasm',
  'worker',
  'workerUrl',
  'maxMemoryBytes',
  'onWarning',
] as const satisfies readonly (keyof Checkable)[];

export interface CheckedOptions {
  readonly maximumPages: number;
  /** undefined: as many as the machine has. */
  readonly threads: number | undefined;
  readonly workerUrl: string | undefined;
  readonly warn: (text: string) => void;
}

/** @throws {@link ArgumentError} when an option cannot be right */
export function checkEngineOptions(options: Checkable): CheckedOptions {
  if (options === null || typeof options !== 'object')
    throw new ArgumentError('not options', { op: OP, got: shown(options) });
  const unknown = Object.keys(options).filter((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new ArgumentError('no such option', {
      op: OP,
      got: listedNames(unknown),
      wanted: `one object of ${NAMES.join(', ')}`,
    });
  }
  if (options.build !== undefined && typeof options.build !== 'string') {
    throw new ArgumentError('build is not a name', { op: OP, got: shown(options.build), wanted: 'a string' });
  }
  const { threads, maxMemoryBytes = MOST_PAGES * PAGE_BYTES, worker, workerUrl, onWarning } = options;
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    throw new ArgumentError('impossible number of threads', {
      op: OP,
      got: shown(threads),
      wanted: `a whole number from 1 to ${MOST_THREADS}`,
    });
  }
  if (!Number.isFinite(maxMemoryBytes) || maxMemoryBytes < LEAST_BYTES) {
    throw new ArgumentError('impossible maxMemoryBytes', {
      op: OP,
      got: shown(maxMemoryBytes),
      wanted: `a number >= ${LEAST_BYTES}`,
    });
  }
  if (worker !== undefined && typeof worker !== 'boolean') {
    throw new ArgumentError('worker is not a boolean', {
      op: OP,
      got: shown(worker),
      hint: 'workerUrl takes the address of a script.',
    });
  }
  if (onWarning !== undefined && typeof onWarning !== 'function') {
    throw new ArgumentError('onWarning is not a function', { op: OP, got: shown(onWarning) });
  }
  if (options.wasm !== undefined && options.build !== undefined) {
    throw new ArgumentError('build and wasm exclude each other', {
      op: OP,
      hint: 'wasm is a build already; leave build out.',
    });
  }
  return {
    maximumPages: Math.min(MOST_PAGES, Math.floor(maxMemoryBytes / PAGE_BYTES)),
    threads,
    workerUrl: workerUrl === undefined ? undefined : addressOf(workerUrl),
    warn: onWarning ?? (() => {}),
  };
}

function addressOf(url: string | UrlLike): string {
  const text: unknown = typeof url === 'string' ? url : url?.href;
  if (typeof text === 'string' && text !== '') return text;
  throw new ArgumentError('workerUrl is not an address', {
    op: OP,
    got: shown(url),
    wanted: 'a URL or its text',
  });
}
