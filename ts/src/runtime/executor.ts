/** Runs jobs one after another: plan from the store, inputs to the host, outputs back. The engine and its sessions share one. */
import { EngineDisposedError } from '../errors.js';
import type { HostClient } from './client.js';
import type { Job } from './job.js';
import type { PlanStore } from './plan_store.js';
import { Queue } from './queue.js';
import { type AbortSignalLike, onAbort, reasonOf, throwIfAborted } from './signal.js';

/** How far a call has come: packing weights and loading (`compile`), then computing (`run`), each from 0 to `total`. */
export interface Progress {
  readonly phase: 'compile' | 'run';
  readonly done: number;
  readonly total: number;
}

/** What a call can be told besides its inputs. */
export interface CallOptions {
  /** An AbortSignal: the call rejects with its reason; a waiting call never starts, a running one ends within 50 ms. */
  readonly signal?: AbortSignalLike | undefined;
  /** Called now and then, on the caller's thread. What it throws the call rejects with at its end; of an async one, which is waited for there, too. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Executed {
  readonly outputs: readonly Uint8Array<ArrayBuffer>[];
  /** Milliseconds a record. */
  readonly recordMs: Float64Array;
}

/** Serialises calls on one host. */
export class Executor {
  readonly store: PlanStore;
  readonly #client: HostClient;
  readonly #queue = new Queue();
  /** Of calls that are computed and wait for what their callback promised. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #disposed: EngineDisposedError | null = null;

  constructor(client: HostClient, store: PlanStore) {
    this.#client = client;
    this.store = store;
  }

  /** @throws {@link EngineDisposedError} after {@link dispose} */
  throwIfDisposed(): void {
    if (this.#disposed !== null) throw this.#disposed;
  }

  /** Compiles the job in its turn and pins its plan. A call that rejects, however late, leaves neither. */
  compile(job: Job, options: CallOptions): Promise<void> {
    const compile = async (report: CallOptions['onProgress']) => {
      await this.store.acquire(job, { signal: options.signal, onProgress: phase(report, 'compile') });
      this.store.pin(job);
    };
    return this.#enqueue(options, compile, () => this.store.discard(job));
  }

  /**
   * Runs the job in its turn.
   * @param copied makes copies of the inputs' bytes, which are moved away: called at once, since the caller may change the inputs, but not
   * where the job is going to be refused
   */
  run(job: Job, copied: () => readonly Uint8Array<ArrayBuffer>[], options: CallOptions): Promise<Executed> {
    const inputs = this.store.fits(job) ? copied() : [];
    return this.#enqueue(options, async (report) => {
      const { signal } = options;
      const plan = await this.store.acquire(job, { signal, onProgress: phase(report, 'compile') });
      throwIfAborted(signal);
      // In the call's turn, when cells hold what the calls before it have left.
      const read = job.state.flatMap((port) => (port.read === undefined ? [] : [port.cell.read()]));
      const entering = [...inputs, ...read];
      const { outputs, recordMs } = await this.#client.request(
        { type: 'run', plan, inputs: entering, wantsProgress: report !== undefined },
        { signal, onProgress: phase(report, 'run'), transfer: entering.map((input) => input.buffer) },
      );
      const written = job.state.filter(({ write }) => write !== undefined);
      const own = outputs.length - written.length;
      for (const [index, { cell }] of written.entries()) {
        const left = outputs[own + index];
        if (left !== undefined) cell.write(left);
      }
      return { outputs: outputs.slice(0, own), recordMs };
    });
  }

  /** Takes a session's pin off its plan, in its turn. */
  release(job: Job): Promise<void> {
    return this.#queue.push(async () => {
      if (this.#client.alive) await this.store.unpin(job);
    });
  }

  /** Ends the host; everything that waits or comes rejects. Resolves when its workers are gone. */
  dispose(): Promise<void> {
    this.#disposed ??= new EngineDisposedError('the engine is disposed', {
      hint: 'Make a new one with Engine.create().',
    });
    for (const reject of this.#waiting) reject(this.#disposed);
    return this.#client.end(this.#disposed);
  }

  async #enqueue<T>(
    options: CallOptions,
    task: (report: CallOptions['onProgress']) => Promise<T>,
    undo?: () => Promise<void>,
  ): Promise<T> {
    this.throwIfDisposed();
    const { onProgress } = options;
    const reports: Promise<unknown>[] = [];
    const report =
      onProgress &&
      ((progress: Progress) => {
        const reported = (async () => onProgress(progress))();
        reports.push(reported);
        // Heard when the call ends.
        reported.catch(() => {});
      });
    const turn = async (): Promise<T> => {
      this.#client.throwIfDead();
      return task(report);
    };
    const result = await this.#queue.push(turn, options.signal, undo);
    try {
      // What the caller's own callback threw is the caller's to see.
      if (reports.length > 0) await this.#settled(reports, options.signal);
      return result;
    } catch (error) {
      // Not awaited, since others may be before it; what comes later comes behind it. A dead host has forgotten by itself.
      if (undo !== undefined) this.#queue.push(undo).catch(() => {});
      throw error;
    }
  }

  /** Waits outside the queue: what a callback promised may never be settled. An abort and the engine's end reject. */
  async #settled(reports: readonly Promise<unknown>[], signal: AbortSignalLike | undefined): Promise<void> {
    let end: (reason: unknown) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    // Both may have come since the call's turn ended.
    this.throwIfDisposed();
    const letGo = onAbort(signal, () => end(reasonOf(signal)));
    this.#waiting.add(end);
    try {
      await Promise.race([Promise.all(reports), ended]);
    } finally {
      letGo();
      this.#waiting.delete(end);
    }
  }
}

function phase(
  report: CallOptions['onProgress'],
  name: Progress['phase'],
): ((done: number, total: number) => void) | undefined {
  return report && ((done, total) => report({ phase: name, done, total }));
}
