/**
 * The mailbox: a few words of shared memory through which façade, host and pool workers talk while none of them turns its event loop. It
 * lies in front of the heap. Whoever waits in it must be a worker: a page's own thread may not.
 */
import { MAX_WORKERS } from '../graph/records.gen.js';

/** Words of which there is one; each worker has one of the next two kinds. */
const COMMAND = 0;
const PLAN_ADDRESS = 1;
const PLAN_WORDS = 2;
const RUNNING = 3;
const FAULTED = 4;
const ABORTED = 5;
const BEATS = 16;
const ENDED = BEATS + MAX_WORKERS;
const WORDS = ENDED + MAX_WORKERS;

/** What a mailbox takes in memory. */
export const MAILBOX_BYTES = WORDS * 4;

/** Turns of looking before the host sleeps: the other workers end a run within microseconds of its last tile, unless they share a core. */
const SPIN_TURNS = 1000;
/** The longest sleep of a host that waits, so that it shows its heartbeat. */
const NAP_MS = 20;

/** A plan that a pool worker is told to run. */
export interface Command {
  /** Counts commands. */
  readonly number: number;
  readonly planAddress: number;
  readonly planWords: number;
}

/** One mailbox, as each side sees it: host and worker 0 are the same. */
export class Mailbox {
  readonly #words: Int32Array;

  /** @param address where it lies, the same for every side */
  constructor(memory: WebAssembly.Memory, address: number) {
    // Memory that is shared grows in place: the view stays what it is.
    this.#words = new Int32Array(memory.buffer, address, WORDS);
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

  /** Host: sleeps until every pool worker has ended the command. Returns whether one of them met a fault. */
  join(): boolean {
    const words = this.#words;
    for (let turn = 0; ; turn++) {
      const running = Atomics.load(words, RUNNING);
      if (running === 0) return Atomics.load(words, FAULTED) !== 0;
      if (turn < SPIN_TURNS) continue;
      this.beat(0);
      Atomics.wait(words, RUNNING, running, NAP_MS);
    }
  }

  /** Pool worker: sleeps until there is a command after number `last`. */
  next(last: number): Command {
    const words = this.#words;
    let number = Atomics.load(words, COMMAND);
    while (number === last) {
      Atomics.wait(words, COMMAND, last);
      number = Atomics.load(words, COMMAND);
    }
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

  /** Host and pool worker: lives. */
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

  /** Host: whether the request shall end. */
  isAborted(request: number): boolean {
    return Atomics.load(this.#words, ABORTED) === request;
  }
}
