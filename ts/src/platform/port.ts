/** A way to one worker, wherever it lives. platform/ implements it for workers, runtime/local_port.ts for the caller's own thread. */
export interface Port<Sent, Heard> {
  /** Sends a message; the buffers and ports in `transfer` are moved, not copied. */
  post(message: Sent, transfer: readonly object[]): void;
  /** Called once, before the first `post`. `onDeath` gets the reason when the worker is gone, in words. */
  listen(onMessage: (message: Heard) => void, onDeath: (reason: string) => void): void;
  /** Whether the process has to stay alive for this worker. */
  hold(busy: boolean): void;
  /** Ends the worker, whatever it does. Resolves when it is gone, and its memory with it. */
  terminate(): Promise<void>;
}

/** What a worker is started from: the file beside the platform's code, a URL of the caller's, or the worker's text. */
export type WorkerSource =
  | { readonly kind: 'file' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'text'; readonly text: string };
