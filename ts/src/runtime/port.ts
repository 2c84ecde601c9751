/** A way to one host, wherever it lives. platform/ implements it for workers, runtime/local_port.ts for the caller's own thread. */
import type { FromHost, ToHost } from './protocol.js';

export interface HostPort {
  /** Sends a message; the buffers in `transfer` are moved, not copied. */
  post(message: ToHost, transfer: readonly ArrayBuffer[]): void;
  /** Called once, before the first `post`. `onDeath` gets the reason when the host is gone, in words. */
  listen(onMessage: (message: FromHost) => void, onDeath: (reason: string) => void): void;
  /** Whether the process has to stay alive for this host's answers. */
  hold(busy: boolean): void;
  /** Ends the host without waiting for anything. */
  terminate(): void;
}

/** What a worker is started from: the file beside the platform's code, a URL of the caller's, or the worker's text. */
export type WorkerSource =
  | { readonly kind: 'file' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'text'; readonly text: string };
