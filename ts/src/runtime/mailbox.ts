/**
 * The mailbox: a few shared words through which façade, host and pool workers talk while none of them turns its event loop. They are no part
 * of the wasm memory: the façade must not hold that, since it would outlive the workers until the caller's heap is collected. Whoever waits
 * in the mailbox must be a worker: a page's own thread may not.
 */
import { MAX_WORKERS } from '../ops/records.gen.js';

/** Words of which there is one; each worker has one of the next two kinds. */
const COMMAND = 0;
const PLAN_ADDRESS = 1;
const PLAN_WORDS = 2;
const RUNNING = 3;
const FAULTED = 4;
const ABORTED = 5;
const CLOSED = 6;
const BEATS = 16;
const ENDED = BEATS + MAX_WORKERS;
const WORDS = ENDED + MAX_WORKERS;

/** Turns of looking before the host sleeps: the other workers end a run within microseconds of its last tile, unless they share a core. */
const SPIN_TURNS = 1000;
/** The longest sleep of a host that waits, so that it can show that it lives. */
const NAP_MS = 20;

/** A plan that a pool worker is told to run. */
export interface Command {
  /** Counts commands. */
  readonly number: number;
  readonly planAddress: number;
  readonly planWords: number;
}

/** Makes the words of a mailbox. */
export function mailboxWords(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
}

/** One mailbox, as each side sees it: host and worker 0 are the same. */
export class Mailbox {
  readonly #words: Int32Array;

  /** @param words the same for every side, of {@link mailboxWords} */
  constructor(words: SharedArrayBuffer) {
    this.#words = new Int32Array(words);
  }

  /** Host: wakes `others` pool workers to run a plan that is started. */
  command(planAddress: number, planWords: number, others: number): void {
    const words = this.#words;
    Atomics.store(words, PLAN_ADDRESS, planAddress);
    Atomics.store(words, PLAN_WORDS, planWords);
    Atomics.store(words, FAULTED, 0);
    Atomics.store(words, RUNNING, others);
    Atomics.add(words, COMMAND, 1);
    Atomics.notify(words, COMMAND);
  }

  /** Host: sleeps until every pool worker has ended the command, calling `alive` now and then. Returns whether one of them met a fault. */
  join(alive: () => void): boolean {
    const words = this.#words;
    for (let turn = 0; ; turn++) {
      const running = Atomics.load(words, RUNNING);
      // Closed in the moment of a command, it was never heard.
      if (running === 0 || Atomics.load(words, CLOSED) === 1) return Atomics.load(words, FAULTED) !== 0;
      if (turn < SPIN_TURNS) continue;
      alive();
      Atomics.wait(words, RUNNING, running, NAP_MS);
    }
  }

  /** Pool worker: sleeps until there is a command after number `last`, or null when there will be none. */
  next(last: number): Command | null {
    const words = this.#words;
    let number = Atomics.load(words, COMMAND);
    while (number === last) {
      Atomics.wait(words, COMMAND, last);
      number = Atomics.load(words, COMMAND);
    }
    if (Atomics.load(words, CLOSED) === 1) return null;
    const [planAddress, planWords] = [Atomics.load(words, PLAN_ADDRESS), Atomics.load(words, PLAN_WORDS)];
    return { number, planAddress, planWords };
  }

  /** Pool worker: has ended a command; `faulted` where it was this worker that the kernels refused. */
  ended(worker: number, { number }: Command, faulted: boolean): void {
    const words = this.#words;
    if (faulted) Atomics.store(words, FAULTED, 1);
    Atomics.store(words, ENDED + worker, number);
    if (Atomics.sub(words, RUNNING, 1) === 1) Atomics.notify(words, RUNNING);
  }

  /** Pool worker: lives. */
  beat(worker: number): void {
    Atomics.add(this.#words, BEATS + worker, 1);
  }

  /** Façade: a number that changes while the worker lives. */
  beats(worker: number): number {
    return Atomics.load(this.#words, BEATS + worker);
  }

  /** Façade: whether a pool worker has been commanded and has not ended. */
  isBusy(worker: number): boolean {
    return Atomics.load(this.#words, ENDED + worker) !== Atomics.load(this.#words, COMMAND);
  }

  /** Façade: the request of that id shall end. One word serves: the executor's queue has one request at a time on its way. */
  abort(request: number): void {
    Atomics.store(this.#words, ABORTED, request);
  }

  /** Façade: everything shall end, and the workers turn their event loops again. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    Atomics.add(this.#words, COMMAND, 1);
    Atomics.notify(this.#words, COMMAND);
  }

  /** Host: whether the request shall end. */
  isAborted(request: number): boolean {
    return Atomics.load(this.#words, ABORTED) === request || Atomics.load(this.#words, CLOSED) === 1;
  }
}
