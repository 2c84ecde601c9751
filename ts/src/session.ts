/// <reference lib="esnext.disposable" preserve="true" />
/** A compiled network at one size: what `engine.compile` gives. Its plan stays loaded until it is disposed; its weights follow `loadStateDict`. */
import { ArgumentError, EngineDisposedError, ShapeError } from './errors.js';
import { type Compiled, compileGraph } from './graph/compile.js';
import { type Concrete, inputBytes, outputTensors, tensorsOf } from './runtime/call.js';
import type { CallOptions, Executor } from './runtime/executor.js';
import { type Job, refreshed } from './runtime/job.js';
import { sameShape, spell } from './tensor/shape.js';
import type { Tensor } from './tensor/tensor.js';

/** One step of a plan, as it was in the last run. */
export interface ProfileRow {
  /** Dotted path of the layer, or the function's name. */
  readonly name: string;
  readonly op: string;
  readonly ms: number;
  /** Multiplications and additions of the direct algorithm. */
  readonly flops: number;
}

/** Where the last run's time went. */
export interface Profile {
  /** All rows together. */
  readonly ms: number;
  readonly rows: readonly ProfileRow[];
}

/** What the engine hands to a session it makes. */
export interface SessionParts {
  readonly executor: Executor;
  readonly job: Job;
  readonly shapes: readonly (readonly number[])[];
}

/** A network at one size, compiled and loaded. */
export class Session<R = unknown> {
  /** Where the platform has `Symbol.asyncDispose`: {@link Session.dispose}, for `await using`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  readonly #executor: Executor;
  readonly #shapes: SessionParts['shapes'];
  /** With the values of the last run: older ones are not kept. */
  #job: Job;
  #recordMs: Float64Array | null = null;
  #rows: Compiled['rows'] | null = null;
  #disposal: Promise<void> | null = null;

  /** Sessions are made by `engine.compile`. */
  constructor({ executor, job, shapes }: SessionParts) {
    this.#executor = executor;
    this.#shapes = shapes;
    this.#job = job;
  }

  /**
   * Computes. Inputs are copied when the call is made, and weights are those of that time; runs of one engine queue in the order of the calls.
   * @throws {@link ShapeError} when an input's shape is not the compiled one
   * @throws {@link EngineDisposedError} after `dispose` of the session or its engine
   * @throws {@link EngineCrashedError} when the engine has crashed
   */
  async run(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Promise<Concrete<R>> {
    const op = 'session.run';
    this.#throwIfDisposed();
    const tensors = tensorsOf(op, inputs, options);
    const shapes = this.#shapes;
    if (tensors.length !== shapes.length) {
      throw new ArgumentError('another number of inputs', {
        op,
        got: String(tensors.length),
        wanted: String(shapes.length),
      });
    }
    tensors.forEach(({ shape }, index) => {
      const compiled = shapes[index] ?? [];
      if (sameShape(shape, compiled)) return;
      const hint = 'engine.run takes any size; engine.compile makes a session for another one.';
      throw new ShapeError(`input ${index} has another shape`, {
        op,
        got: spell(shape),
        wanted: spell(compiled),
        hint,
      });
    });
    const job = refreshed(this.#job);
    this.#job = job;
    const { outputs, recordMs } = await this.#executor.run(job, () => inputBytes(tensors), options);
    this.#recordMs = recordMs;
    return outputTensors(job, outputs) as Concrete<R>;
  }

  /** Milliseconds of each step of the last run; no rows before the first one. */
  profile(): Profile {
    const recordMs = this.#recordMs;
    if (recordMs === null) return { ms: 0, rows: [] };
    this.#rows ??= this.#compiled().rows;
    const rows = this.#rows.map(({ name, op, flops }, index) => ({
      name,
      op,
      ms: recordMs[index] ?? 0,
      flops,
    }));
    return { ms: recordMs.reduce((sum, ms) => sum + ms, 0), rows };
  }

  /** The traced graph, the fused one, the algorithm of each convolution and why, and where each value lies, as text. */
  explain(): string {
    return this.#compiled().explain();
  }

  /** Lets go of the plan; memory that no other plan uses is reused. A second call does nothing. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#executor.release(this.#job);
    return this.#disposal;
  }

  /** Compiles anew what the plan was made from: a plan keeps nothing for people to read. */
  #compiled(): Compiled {
    const { graph, options, values } = this.#job;
    return compileGraph(graph, { ...options, workers: this.#executor.store.workers }, values);
  }

  #throwIfDisposed(): void {
    this.#executor.throwIfDisposed();
    if (this.#disposal === null) return;
    throw new EngineDisposedError('the session is disposed', {
      op: 'session.run',
      hint: 'Make a new one with engine.compile.',
    });
  }
}

if (Symbol.asyncDispose !== undefined) {
  Object.defineProperty(Session.prototype, Symbol.asyncDispose, { value: Session.prototype.dispose });
}
