/**
 * Aborting: the part of the platforms' AbortSignal that the engine reads, so that public types need neither the DOM nor Node. A signal is the
 * caller's: whatever it throws ends the call that it was given to, and never reaches the queue.
 */
import { ArgumentError } from '../errors.js';
import { shown } from '../spell.js';

/** An `AbortSignal`, spelled out for programs that compile without the DOM's or Node's types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What an aborted call rejects with: the signal's reason, or the platforms' default where it gives none. */
export function reasonOf(signal: AbortSignalLike | undefined): unknown {
  try {
    const reason = signal?.reason;
    return reason === undefined ? new DOMException('the call was aborted', 'AbortError') : reason;
  } catch (error) {
    return error;
  }
}

/** @throws the signal's reason when it has fired */
export function throwIfAborted(signal: AbortSignalLike | undefined): void {
  if (signal?.aborted === true) throw reasonOf(signal);
}

interface Shared {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** The calls of one signal share a listener, since Node warns of more than ten. */
const listeners = new WeakMap<AbortSignalLike, Shared>();

/**
 * Has `callback` called when the signal fires, until the function that is returned is called, which never throws.
 * @throws the signal's reason when it has fired already, and what it throws when it is listened to
 */
export function onAbort(signal: AbortSignalLike | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  throwIfAborted(signal);
  const { callbacks, listener } = listeners.get(signal) ?? listenTo(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0) return;
    try {
      signal.removeEventListener('abort', listener);
      listeners.delete(signal);
    } catch {
      // The signal keeps the listener; its next call finds it.
    }
  };
}

function listenTo(signal: AbortSignalLike): Shared {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) callback();
  };
  signal.addEventListener('abort', listener);
  const shared = { callbacks, listener };
  listeners.set(signal, shared);
  return shared;
}

/** @throws {@link ArgumentError} when `signal` is something other than an AbortSignal */
export function checkSignal(op: string, signal: unknown): void {
  if (signal === undefined) return;
  const like = signal as Partial<AbortSignalLike> | null;
  if (like !== null && typeof like === 'object') {
    if ('aborted' in like && typeof like.addEventListener === 'function') return;
  }
  throw new ArgumentError('signal is not an AbortSignal', {
    op,
    got: shown(signal),
    wanted: 'the signal of an AbortController',
  });
}
