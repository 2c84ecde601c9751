/**
 * The host: answers the façade's requests in order, in slices of a few milliseconds, so that its event loop keeps turning and an abort is
 * heard. The same class runs in a worker and on the caller's thread; it knows neither Node nor the DOM.
 */
import { EngineCrashedError, EngineDisposedError, GouacheError, toWire } from '../errors.js';
import { STATUS_MORE } from '../graph/records.gen.js';
import { instantiate } from './instance.js';
import type { LoadedPlan } from './loaded_plan.js';
import { Machine } from './machine.js';
import type { FromHost, InitRequest, Reply, Request, RunReply, RunRequest, ToHost } from './protocol.js';

/** How long the host computes before it returns to its event loop. */
const SLICE_MS = 4;

/** Sends a message to the façade; `transfer` lists buffers to move instead of copying. */
export type PostToFacade = (message: FromHost, transfer: readonly ArrayBuffer[]) => void;

/** Thrown inside a run that the façade aborted; never leaves this file. */
class Aborted extends Error {}

/** Owns memory, heap and instance through a {@link Machine}; one engine has one. */
export class Host {
  readonly #post: PostToFacade;
  readonly #yieldNow: () => Promise<void>;
  readonly #waiting: { readonly id: number; readonly request: Request }[] = [];
  readonly #aborted = new Set<number>();
  /** The request that is being worked on. */
  #answering: number | null = null;
  #closed = false;
  #machine: Machine | null = null;
  #crash: GouacheError | null = null;

  constructor(post: PostToFacade, yieldNow: () => Promise<void>) {
    this.#post = post;
    this.#yieldNow = yieldNow;
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
    if (this.#answering === null) void this.#answerAll();
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
      case 'compile': {
        const { uploads } = request;
        const drive = (plan: LoadedPlan) => this.#drive(plan, () => this.#throwIfAborted(id));
        await this.#ready().compile(request, drive, (done) =>
          this.#post({ id, progress: { done, total: uploads.length } }, []),
        );
        return this.#ready().memory();
      }
      case 'run':
        return this.#run(id, request);
      case 'free':
        this.#ready().free(request.plan);
        return this.#ready().memory();
      default:
        return request satisfies never;
    }
  }

  async #init(request: InitRequest): Promise<Reply> {
    const module = request.module as WebAssembly.Module;
    this.#machine = new Machine(await instantiate(module, request.initialPages, request.maximumPages));
    return this.#machine.memory();
  }

  async #run(id: number, request: RunRequest): Promise<RunReply> {
    const machine = this.#ready();
    const plan = machine.plan(request.plan);
    const recordMs = new Float64Array(plan.encoded.rows.length);
    this.#throwIfAborted(id);
    machine.write(plan, request.inputs);
    await this.#drive(
      plan,
      () => {
        if (request.wantsProgress) this.#post({ id, progress: plan.progress() }, []);
        this.#throwIfAborted(id);
      },
      recordMs,
    );
    if (request.wantsProgress) this.#post({ id, progress: plan.progress() }, []);
    return { outputs: machine.read(plan), recordMs };
  }

  /** Runs a plan to its end. `between` is called whenever the event loop has had its turn; what it throws ends the run. */
  async #drive(plan: LoadedPlan, between: () => void, recordMs?: Float64Array): Promise<void> {
    plan.start();
    let last = performance.now();
    let sliceEnd = last + SLICE_MS;
    while (plan.run(1) === STATUS_MORE) {
      const now = performance.now();
      if (recordMs !== undefined) addTime(recordMs, plan.position(), now - last);
      last = now;
      if (now < sliceEnd) continue;
      await this.#yieldNow();
      between();
      last = performance.now();
      sliceEnd = last + SLICE_MS;
    }
    if (recordMs !== undefined) addTime(recordMs, plan.position(), performance.now() - last);
  }

  #throwIfAborted(id: number): void {
    if (this.#closed || this.#aborted.has(id)) throw new Aborted();
  }

  #ready(): Machine {
    if (this.#machine === null) throw new GouacheError('host: asked before init');
    return this.#machine;
  }

  /** Errors of ours pass; anything else came out of wasm (a trap) or is a bug of ours: this instance is not used again. */
  #worded(error: unknown): GouacheError {
    if (error instanceof GouacheError) return error;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#crash = new EngineCrashedError(`the engine crashed: ${text}`, {
      hint: 'Make a new engine.',
      cause: error,
    });
    this.#machine = null;
    return this.#crash;
  }
}

/** Adds to the record's time. A call that ends a plan leaves the position one past its last record. */
function addTime(recordMs: Float64Array, record: number, ms: number): void {
  const index = Math.min(record, recordMs.length - 1);
  recordMs[index] = (recordMs[index] ?? 0) + ms;
}
