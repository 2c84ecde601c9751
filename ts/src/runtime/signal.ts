/** Aborting: the part of the platforms' AbortSignal that the engine reads, so that public types need neither the DOM nor Node. */
import { ArgumentError } from '../errors.js';

/** An `AbortSignal`, spelled out for programs that compile without the DOM's or Node's types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What an aborted call rejects with. */
export function reasonOf(signal: AbortSignalLike | undefined): unknown {
  return signal?.reason;
}

/** @throws the signal's reason when it has fired */
export function throwIfAborted(signal: AbortSignalLike | undefined): void {
  if (signal?.aborted === true) throw reasonOf(signal);
}

/** @throws {@link ArgumentError} when `signal` is something other than an AbortSignal */
export function checkSignal(op: string, signal: unknown): void {
  if (signal === undefined) return;
  if (
    signal === null ||
    typeof signal !== 'object' ||
    !('aborted' in signal) ||
    !('addEventListener' in signal)
  ) {
    throw new ArgumentError('signal is not an AbortSignal', {
      op,
      got: typeof signal,
      wanted: 'the signal of an AbortController',
    });
  }
}
