/**
 * The façade's side of the pool: workers 1 and up, which it starts and ends. The host gives them its memory and commands them; this file never
 * says what to compute, and never holds the memory.
 */

import type { Port } from '../platform/port.js';
import type { Newcomer } from './greeting.js';
import { Mailbox } from './mailbox.js';
import type { FromPoolWorker, ToPoolWorker } from './protocol.js';
import type { Watched } from './watchdog.js';

export type PoolPort = Port<ToPoolWorker, FromPoolWorker>;

/** A worker that was started and has yet to say that it is ready. */
export interface Recruit {
  readonly port: PoolPort;
  /** The host's end of the way on which the memory comes, to be moved there. */
  readonly hostEnd: object;
  /** Why it is gone, if it is. */
  readonly death: string | null;
  /** Resolves when it is ready, for which it needs the memory; rejects when it cannot be. */
  prepare(module: object): Promise<void>;
  /** Has `onDeath` called when a worker that was ready is gone, at once if it is already; null for nobody. */
  watch(onDeath: ((reason: string) => void) | null): void;
  /** Ends a worker that is not ready. */
  dismiss(): Promise<void>;
}

/** Takes a worker that was started into the pool. */
export function recruit({ port, greeted }: Newcomer<ToPoolWorker, FromPoolWorker>): Recruit {
  const { port1: hostEnd, port2: workerEnd } = new MessageChannel();
  let settle: (failure: string | null) => void = () => {};
  const settled = new Promise<string | null>((resolve) => {
    settle = resolve;
  });
  let death: string | null = null;
  let hear: ((reason: string) => void) | null = null;
  const die = (reason: string) => {
    death ??= reason;
    settle(reason);
    hear?.(reason);
  };
  port.listen((message) => ('ready' in message ? settle(null) : die(message.failed)), die);
  return {
    port,
    hostEnd,
    get death() {
      return death;
    },
    async prepare(module) {
      await greeted;
      port.post({ prepare: { module, port: workerEnd } }, [workerEnd]);
      const failure = await settled;
      if (failure !== null) throw new Error(failure);
    },
    watch(onDeath) {
      hear = onDeath;
      // It may have ended since it was ready.
      if (death !== null) onDeath?.(death);
    },
    dismiss() {
      // The memory may wait in it.
      workerEnd.close();
      return port.terminate();
    },
  };
}

/** Workers 1 to n - 1 of an engine, and the mailbox. */
export class Pool {
  readonly #mailbox: Mailbox;
  readonly #recruits: readonly Recruit[];

  /** Numbers the recruits, which are ready, and sends them to the mailbox, from where they do not come back. */
  constructor(words: SharedArrayBuffer, recruits: readonly Recruit[]) {
    this.#mailbox = new Mailbox(words);
    this.#recruits = recruits;
    recruits.forEach(({ port }, position) => {
      const index = position + 1;
      port.post({ enter: { index, mailbox: words } }, []);
      port.hold(false);
    });
  }

  /** Workers of the engine, the host among them. */
  get workers(): number {
    return this.#recruits.length + 1;
  }

  /** The pool workers as the watchdog sees them. */
  get watched(): readonly Watched[] {
    return this.#recruits.map((_, position) => ({
      beats: () => this.#mailbox.beats(position + 1),
      isBusy: () => this.#mailbox.isBusy(position + 1),
    }));
  }

  /** `onDeath` hears, in words, that a worker is gone. */
  listen(onDeath: (reason: string) => void): void {
    this.#recruits.forEach((recruit, position) => {
      recruit.watch((reason) => onDeath(`thread ${position + 1}: ${reason}`));
    });
  }

  /** Has the host end a request, without its event loop. */
  abort(request: number): void {
    this.#mailbox.abort(request);
  }

  /** Whether the process has to stay alive for the workers. */
  hold(busy: boolean): void {
    for (const { port } of this.#recruits) port.hold(busy);
  }

  /** Ends the workers; resolves when they are gone. */
  async terminate(): Promise<void> {
    // Chromium leaves a thread that sleeps two seconds to come back, and its memory for as long.
    this.#mailbox.close();
    await Promise.all(
      this.#recruits.map((recruit) => {
        recruit.watch(null);
        return recruit.port.terminate();
      }),
    );
  }
}
