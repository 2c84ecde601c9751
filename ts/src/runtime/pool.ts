/**
 * The façade's side of the pool: workers 1 and up, which it starts, watches and ends. The host commands them; this file never says what to
 * compute.
 */
import { Mailbox } from './mailbox.js';
import type { Port } from './port.js';
import type { FromPoolWorker, SharedMemory, ToPoolWorker } from './protocol.js';

/** A run whose worker has not moved for so long is given up. */
export const STILL_MS = 10_000;
/** Looks at the heartbeats in that time. Looks are counted, not milliseconds: a machine that slept has not been computing. */
const LOOKS = 10;

export type PoolPort = Port<ToPoolWorker, FromPoolWorker>;

/** A worker that was started and has yet to say that it is ready. */
export interface Recruit {
  readonly port: PoolPort;
  /** Resolves when it is ready; rejects when it cannot be. */
  prepare(module: object, shared: SharedMemory): Promise<void>;
  /** Has `onDeath` called when a worker that was ready is gone, at once if it is already; null for nobody. */
  watch(onDeath: ((reason: string) => void) | null): void;
}

/** Starts a worker. @throws where the platform refuses one */
export function recruit(start: () => PoolPort): Recruit {
  const port = start();
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
    async prepare(module, { memory }) {
      port.post({ prepare: { module, memory } }, []);
      const failure = await settled;
      if (failure !== null) throw new Error(failure);
    },
    watch(onDeath) {
      hear = onDeath;
      // It may have ended while others were still starting.
      if (death !== null) onDeath?.(death);
    },
  };
}

export interface PoolOptions {
  readonly shared: SharedMemory;
  /** Those that are ready. */
  readonly recruits: readonly Recruit[];
  /** {@link STILL_MS}; tests have less patience. */
  readonly still_ms: number;
}

/** Workers 1 to n - 1 of an engine, and the mailbox. */
export class Pool {
  readonly #mailbox: Mailbox;
  readonly #recruits: readonly Recruit[];
  readonly #look_ms: number;
  #onDeath: (reason: string) => void = () => {};
  #watch: ReturnType<typeof setInterval> | null = null;

  /** Numbers the recruits and sends them to the mailbox, from where they do not come back. */
  constructor({ shared, recruits, still_ms }: PoolOptions) {
    this.#mailbox = new Mailbox(shared.memory as WebAssembly.Memory, shared.mailbox);
    this.#recruits = recruits;
    this.#look_ms = still_ms / LOOKS;
    recruits.forEach(({ port }, position) => {
      const index = position + 1;
      port.post({ enter: { index, mailbox: shared.mailbox } }, []);
      port.hold(false);
    });
  }

  /** Workers of the engine, the host among them. */
  get workers(): number {
    return this.#recruits.length + 1;
  }

  /** `onDeath` hears, in words, that a worker is gone or has not moved for too long. */
  listen(onDeath: (reason: string) => void): void {
    this.#onDeath = onDeath;
    this.#recruits.forEach((recruit, position) => {
      recruit.watch((reason) => onDeath(`thread ${position + 1}: ${reason}`));
    });
  }

  /** Has the host end a request, without its event loop. */
  abort(request: number): void {
    this.#mailbox.abort(request);
  }

  /** Whether the process has to stay alive for the workers, and they are to be watched. */
  hold(busy: boolean): void {
    for (const { port } of this.#recruits) port.hold(busy);
    if (busy === (this.#watch !== null)) return;
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = busy ? this.#startWatch() : null;
  }

  terminate(): void {
    this.hold(false);
    for (const recruit of this.#recruits) {
      recruit.watch(null);
      recruit.port.terminate();
    }
  }

  #startWatch(): ReturnType<typeof setInterval> {
    const seen = Array.from({ length: this.workers }, () => ({ beats: -1, looks: 0 }));
    return setInterval(() => {
      for (const [index, last] of seen.entries()) {
        const beats = this.#mailbox.beats(index);
        // The host always has something to do while it is being asked.
        const moved = beats !== last.beats || (index > 0 && !this.#mailbox.isBusy(index));
        last.looks = moved ? 0 : last.looks + 1;
        last.beats = beats;
        if (last.looks < LOOKS) continue;
        this.#onDeath(`thread ${index} has not moved for ${(this.#look_ms * LOOKS) / 1000} s`);
        return;
      }
    }, this.#look_ms);
  }
}
