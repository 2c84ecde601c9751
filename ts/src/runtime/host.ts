/**
 * The host: answers the façade's requests in order. It is worker 0, and commands the others where there are any. It computes in slices of some
 * milliseconds, each of which ends with a message, by which the façade knows that it lives. Without a pool it then turns its event loop, so
 * that an abort is heard; with one, the façade aborts through the mailbox and nobody waits for the host's event loop. The same class runs in
 * a worker and on the caller's thread; it knows neither Node nor the DOM.
 */
import { EngineCrashedError, EngineDisposedError, GouacheError, toWire } from '../errors.js';
import { STATUS_MORE } from '../ops/records.gen.js';
import { namedMessageOf } from '../spell.js';
import { FaultMet } from './fault.js';
import { instantiate } from './instance.js';
import type { LoadedPlan } from './loaded_plan.js';
import { Machine } from './machine.js';
import { Mailbox } from './mailbox.js';
import type { FromHost, InitRequest, Reply, Request, RunReply, RunRequest, ToHost } from './protocol.js';
import { release } from './release.js';

/** How long a host on the caller's thread computes before it returns to the event loop: others wait for it there. */
const SHARED_SLICE_MS = 4;
/** In a worker of its own, where only aborts and reports of progress wait: returning costs some 50 us. */
const OWN_SLICE_MS = 16;

/** Sends a message to the façade; `transfer` lists buffers to move instead of copying. */
export type PostToFacade = (message: FromHost, transfer: readonly ArrayBuffer[]) => void;

/** Thrown inside a run that the façade aborted; never leaves this file. */
class Aborted extends Error {}

/** Owns memory, heap and instance through a {@link Machine}; one engine has one. */
export class Host {
  readonly #post: PostToFacade;
  readonly #yieldNow: () => Promise<void>;
  readonly #sliceMs: number;
  readonly #waiting: { readonly id: number; readonly request: Request }[] = [];
  readonly #aborted = new Set<number>();
  /** The request that is being worked on. */
  #answering: number | null = null;
  #closed = false;
  #machine: Machine | null = null;
  /** The way to pool workers, where there are any. */
  #mailbox: Mailbox | null = null;
  #crash: GouacheError | null = null;

  constructor(post: PostToFacade, yieldNow: () => Promise<void>, thread: 'own' | 'shared') {
    this.#post = post;
    this.#yieldNow = yieldNow;
    this.#sliceMs = thread === 'own' ? OWN_SLICE_MS : SHARED_SLICE_MS;
  }

  /** Takes a message of the façade; the answer is posted later. */
  receive(message: ToHost): void {
    if ('abort' in message) {
      const { abort } = message;
      // It may cross the answer on its way.
      if (abort === this.#answering || this.#waiting.some(({ id }) => id === abort)) this.#aborted.add(abort);
      return;
    }
    this.#waiting.push(message);
    if (this.#answering !== null) return;
    // Where not even an error can be posted, the thread has to end: browsers tell the façade of an exception, but of a rejection nothing.
    this.#answerAll().catch((error) =>
      queueMicrotask(() => {
        throw new Error(String(error));
      }),
    );
  }

  /** Ends the current run at its next slice, and answers nothing more: for a host that shares its thread with others and cannot be killed. */
  stop(): void {
    this.#closed = true;
    this.#machine = null;
  }

  async #answerAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { id, request } = next;
      this.#answering = id;
      try {
        const reply = await this.#answer(id, request);
        this.#post({ id, reply }, 'outputs' in reply ? reply.outputs.map((output) => output.buffer) : []);
      } catch (error) {
        if (error instanceof Aborted) this.#post({ id, aborted: true }, []);
        else if (error instanceof FaultMet) this.#post({ id, fault: error.fault }, []);
        else this.#post({ id, error: toWire(this.#worded(error)), crashed: this.#crash !== null }, []);
      }
      this.#aborted.delete(id);
    }
    this.#answering = null;
  }

  async #answer(id: number, request: Request): Promise<Reply> {
    if (this.#crash !== null) throw this.#crash;
    if (this.#closed) throw new EngineDisposedError('the engine is disposed');
    switch (request.type) {
      case 'init':
        return this.#init(request);
      case 'pack': {
        const { uploads } = request;
        const drive = (plan: LoadedPlan) => this.#drive(id, plan);
        await this.#ready().pack(request, drive, (done) =>
          this.#post({ id, progress: { done, total: uploads.length } }, []),
        );
        return this.#ready().memory();
      }
      case 'compile':
        this.#throwIfAborted(id);
        this.#ready().compile(request);
        return this.#ready().memory();
      case 'run':
        return this.#run(id, request);
      case 'free':
        this.#ready().free(request.plan);
        return this.#ready().memory();
      case 'heap':
        return this.#ready().heap();
      default:
        return request satisfies never;
    }
  }

  async #init(request: InitRequest): Promise<Reply> {
    const module = request.module as WebAssembly.Module;
    const instance = await instantiate(module, request);
    this.#machine = new Machine(instance);
    const { pool } = request;
    if (pool !== null) {
      this.#mailbox = new Mailbox(pool.mailbox);
      for (const port of pool.ports) (port as MessagePort).postMessage(instance.memory);
    }
    return this.#machine.memory();
  }

  async #run(id: number, request: RunRequest): Promise<RunReply> {
    const machine = this.#ready();
    const plan = machine.plan(request.plan);
    const recordMs = new Float64Array(plan.records);
    this.#throwIfAborted(id);
    machine.write(plan, request.inputs);
    for (const input of request.inputs) release(input.buffer);
    const report = () => this.#post({ id, progress: plan.progress() }, []);
    if (!request.wantsProgress) await this.#drive(id, plan, recordMs);
    else {
      await this.#drive(id, plan, recordMs, report);
      report();
    }
    return { outputs: machine.read(plan), recordMs };
  }

  /**
   * Runs a plan to its end, with the pool where the plan has room for it. An abort ends it with {@link Aborted}.
   * @param report sends a message at the end of each slice
   */
  async #drive(
    id: number,
    plan: LoadedPlan,
    recordMs?: Float64Array,
    report = () => this.#post({ id, alive: true }, []),
  ): Promise<void> {
    const mailbox = this.#mailbox;
    this.#throwIfAborted(id);
    plan.start();
    if (plan.workers === 1 || mailbox === null) return this.#takeTiles(id, plan, recordMs, report);
    mailbox.command(plan.address, plan.length, plan.workers - 1);
    try {
      await this.#takeTiles(id, plan, recordMs, report);
    } catch (error) {
      plan.abort();
      mailbox.join(report);
      throw error;
    }
    // A fault ends the run for all workers, and one of them knows why.
    if (mailbox.join(report)) plan.throwFault();
  }

  /** Takes part in a run as worker 0 until it is done. */
  async #takeTiles(
    id: number,
    plan: LoadedPlan,
    recordMs: Float64Array | undefined,
    report: () => void,
  ): Promise<void> {
    let last = performance.now();
    let sliceEnd = last + this.#sliceMs;
    for (;;) {
      const record = plan.position();
      const status = plan.run(1);
      const now = performance.now();
      if (recordMs !== undefined) recordMs[record] = (recordMs[record] ?? 0) + now - last;
      last = now;
      if (status !== STATUS_MORE) return;
      if (this.#mailbox?.isAborted(id) === true) throw new Aborted();
      if (now < sliceEnd) continue;
      if (this.#mailbox === null) await this.#yieldNow();
      report();
      this.#throwIfAborted(id);
      last = performance.now();
      sliceEnd = last + this.#sliceMs;
    }
  }

  #throwIfAborted(id: number): void {
    const aborted = this.#closed || this.#aborted.has(id) || this.#mailbox?.isAborted(id) === true;
    if (aborted) throw new Aborted();
  }

  #ready(): Machine {
    if (this.#machine === null) throw new GouacheError('host: asked before init');
    return this.#machine;
  }

  /** Errors of ours pass; anything else came out of wasm (a trap) or is a bug of ours: this instance is not used again. */
  #worded(error: unknown): GouacheError {
    if (error instanceof GouacheError) return error;
    this.#crash = new EngineCrashedError(`the engine crashed: ${namedMessageOf(error)}`, {
      hint: 'Make a new engine.',
      cause: error,
    });
    this.#machine = null;
    return this.#crash;
  }
}
