/** The watchdog: tells when a worker that has something to do stands still. */

/** A run whose worker has not moved for so long is given up. */
export const STILL_MS = 10_000;
/** Looks in that time. Looks are counted, not milliseconds: a machine that slept has not been computing. */
const LOOKS = 10;

/** What is seen of one worker. */
export interface Watched {
  /** A number that changes while it lives. */
  beats(): number;
  /** Whether it has something to do. */
  isBusy(): boolean;
}

/** Looks at workers while they are asked for something. */
export class Watchdog {
  readonly #look_ms: number;
  readonly #onStill: (reason: string) => void;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** @param onStill hears, in words, which worker has not moved for `still_ms` */
  constructor(still_ms: number, onStill: (reason: string) => void) {
    this.#look_ms = still_ms / LOOKS;
    this.#onStill = onStill;
  }

  /** Watches the workers, numbered in this order, until {@link stop}. */
  start(workers: readonly Watched[]): void {
    if (this.#timer !== null) return;
    const seen = workers.map((worker) => ({ worker, beats: Number.NaN, looks: 0 }));
    this.#timer = setInterval(() => {
      for (const [index, last] of seen.entries()) {
        const beats = last.worker.beats();
        last.looks = beats !== last.beats || !last.worker.isBusy() ? 0 : last.looks + 1;
        last.beats = beats;
        if (last.looks < LOOKS) continue;
        this.#onStill(`thread ${index} has not moved for ${(this.#look_ms * LOOKS) / 1000} s`);
        return;
      }
    }, this.#look_ms);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
