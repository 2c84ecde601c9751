/// <reference lib="esnext.disposable" preserve="true" />
/** The engine: the asynchronous face of one host. It checks arguments, traces, and hands jobs on; it never touches wasm memory. */
import { ArgumentError, EngineDisposedError } from './errors.js';
import { outputShape, type PaintingOptions, paintingOf } from './image/paint.js';
import { checkPicture, type ImageInput, type PaintedImage } from './image/picture.js';
import type { PaintModel } from './model/load_model.js';
import { Module } from './nn/module.js';
import { type Traceable, traceModule } from './nn/trace.js';
import type { BuildName, UrlLike, WasmSource } from './runtime/builds.js';
import { type Concrete, checkCall, inputBytes, outputTensors, tensorsOf } from './runtime/call.js';
import { checkEngineOptions } from './runtime/engine_options.js';
import { type CallOptions, Executor } from './runtime/executor.js';
import { computationOf, type Job, type JobOptions, jobOf, spelled } from './runtime/job.js';
import { type EngineInfo, launch } from './runtime/launch.js';
import { PlanStore } from './runtime/plan_store.js';
import { scaledPicture, scaledShapes } from './scaled.js';
import { Session } from './session.js';
import { shown } from './spell.js';
import { type Shape, spell } from './tensor/shape.js';
import type { Tensor } from './tensor/tensor.js';
import { TraceMemo } from './trace_memo.js';

/** What an engine can be told; the plain `Engine.create()` works. */
export interface EngineOptions {
  /** Takes this build instead of the best one that the platform runs. */
  readonly build?: BuildName | undefined;
  /**
   * Threads to compute with, 1 to 64. Default: the processors that may be used, at most 8. Where memory cannot be shared (a page that is not
   * cross-origin isolated) it is one thread, and where their stacks would take more than half of `maxMemoryBytes` fewer; `info()` says why.
   */
  readonly threads?: number | undefined;
  /** The kernels' module, its bytes, its URL or a Response, instead of the build that the package carries. */
  readonly wasm?: WasmSource | undefined;
  /** false keeps the computation on the caller's thread, in slices of a few milliseconds (default true: in a worker). */
  readonly worker?: boolean | undefined;
  /** Where the worker's script lies (`dist/platform/gouache_worker.js`), when the one beside the package cannot be used. */
  readonly workerUrl?: string | UrlLike | undefined;
  /** The most that the engine's memory may grow to, in bytes (default and maximum 4 GiB). */
  readonly maxMemoryBytes?: number | undefined;
  /** Hears what is not an error but worth knowing, such as a worker that did not start. The library never writes to the console. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** How a network is compiled. */
export interface CompileOptions {
  /** 'highest' allows only algorithms that round like the definition; 'high' (default) also faster ones within the stated tolerance. */
  readonly precision?: 'high' | 'highest' | undefined;
  /** false runs each op as it is written (default true). */
  readonly fuse?: boolean | undefined;
}

/** What `run` and `paint` can be told. */
export interface RunOptions extends CallOptions, CompileOptions {}

/** What `paint` can be told besides. */
export interface PaintOptions extends RunOptions, PaintingOptions {}

export type { EngineInfo };

/** What an engine's memory holds, in bytes. */
export interface EngineMemory {
  /** The wasm memory, which never shrinks. */
  readonly memoryBytes: number;
  /** The part in use: plans, packed weights, and the arena. */
  readonly allocatedBytes: number;
  /** The arena, which all plans share. */
  readonly arenaBytes: number;
}

/** Returned by a target's `forward`, or by the function that is the target. */
type OutputOf<T extends Traceable> = T extends { forward(...inputs: never[]): infer R }
  ? R
  : T extends (...inputs: never[]) => infer R
    ? R
    : never;

interface Parts {
  readonly executor: Executor;
  readonly info: EngineInfo;
}

/** Runs networks; has one memory, and works through its calls in their order. */
export class Engine {
  /** Spelled out, because bundlers rename classes, and consoles and messages show it. */
  static readonly name: string = 'Engine';
  /** Where the platform has `Symbol.asyncDispose`: {@link Engine.dispose}, for `await using`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  readonly #executor: Executor;
  readonly #info: EngineInfo;
  readonly #traces = new TraceMemo();

  private constructor(parts: Parts) {
    this.#executor = parts.executor;
    this.#info = parts.info;
  }

  /**
   * Starts an engine: picks the best build that the platform runs, and the workers to run it in.
   * @throws {@link UnsupportedError} when the platform lacks WebAssembly SIMD, the build that was asked for, or refuses to compile
   * @throws {@link ArgumentError} when an option cannot be right
   */
  static async create(options: EngineOptions = {}): Promise<Engine> {
    const checked = checkEngineOptions(options);
    const { build, wasm } = options;
    const { client, info } = await launch({ build, wasm, worker: options.worker !== false, checked });
    return new Engine({ executor: new Executor(client, await PlanStore.over(client)), info });
  }

  /** Which build runs, with how many threads, where, and why so. */
  info(): EngineInfo {
    return this.#info;
  }

  /** What the memory holds, as of the last call that changed it. */
  memory(): EngineMemory {
    return this.#executor.store.memory;
  }

  /**
   * Computes a module or a function of values: one input a Tensor [..] of the shape that `forward` takes. Compiled plans are kept, so the same
   * computation at the same size compiles once. Inputs are copied when the call is made, and weights are
   * those of that time.
   * @throws {@link ShapeError} when the inputs do not suit the network
   * @throws {@link ArgumentError} when an argument cannot be right
   * @throws {@link StateDictError} when a parameter has no values
   * @throws {@link OutOfMemoryError} when it does not fit: before anything is allocated, unless it is open sessions that leave no room
   * @throws {@link EngineDisposedError} after `dispose`
   * @throws {@link EngineCrashedError} when the engine has crashed
   */
  async run<T extends Traceable>(
    target: T,
    inputs: Tensor | readonly Tensor[],
    options: RunOptions = {},
  ): Promise<Concrete<OutputOf<T>>> {
    const op = 'engine.run';
    this.#executor.throwIfDisposed();
    const tensors = tensorsOf(op, inputs, options);
    const shapes = tensors.map(({ shape }) => shape);
    const job = this.#job(op, target, shapes, options);
    const { outputs } = await this.#executor.run(job, () => inputBytes(tensors), options);
    return outputTensors(job, outputs) as Concrete<OutputOf<T>>;
  }

  /**
   * Compiles a module or function for one input shape (or a list of shapes, one an input) and keeps the plan loaded until the session is disposed.
   * @throws what {@link Engine.run} throws
   */
  async compile<T extends Traceable>(
    target: T,
    shapes: readonly number[] | readonly (readonly number[])[],
    options: RunOptions = {},
  ): Promise<Session<OutputOf<T>>> {
    const op = 'engine.compile';
    this.#executor.throwIfDisposed();
    checkCall(op, options);
    if (!Array.isArray(shapes)) {
      throw new ArgumentError('not a shape', {
        op,
        got: shown(shapes),
        wanted: 'a shape, or a list of shapes',
      });
    }
    const list = shapes.some((item) => Array.isArray(item))
      ? (shapes as readonly number[][])
      : [shapes as readonly number[]];
    const job = this.#job(op, target, list, options);
    await this.#executor.compile(job, options);
    return new Session({ executor: this.#executor, job, shapes: list.map((shape) => [...shape]) });
  }

  /**
   * Paints a picture: ImageData, sharp's raw output, or any { data, width, height }; gives RGBA, as large as the picture or `scale` times that, with its
   * alpha and colour space, or an opaque grey mask, as `model.pictures` says. The picture is extended by its reflection, 32 pixels or more on every side
   * unless that or `border` says otherwise, and cropped again. A network that takes no such size, as it halves sizes seven times or more, sees the picture
   * alone, or as much of its reflection as leads to the next size that it takes.
   * Where alpha is below 32 of 255, colours fade to grey before the network sees them, so that those which nobody sees have no effect.
   * @throws {@link ImageError} when the picture has no pixels, one row or column, an unknown colour space, or data that does not match its sizes
   * @throws {@link ArgumentError} when an argument cannot be right, `model.pictures` included
   * @throws {@link OutOfMemoryError} as {@link Engine.run} does, with the largest side that fits
   * @throws {@link ShapeError} when the network takes no size near the picture's, or does not give what `model.pictures` says
   * @throws {@link EngineDisposedError} after `dispose`
   * @throws {@link EngineCrashedError} when the engine has crashed
   */
  async paint(model: PaintModel, image: ImageInput, options: PaintOptions = {}): Promise<PaintedImage> {
    const op = 'engine.paint';
    this.#executor.throwIfDisposed();
    checkCall(op, options);
    const picture = checkPicture(op, image);
    const { data, width, height, channels, colorSpace } = picture;
    const how = jobOptions(op, options);
    const painting = paintingOf(model, options);
    const asked = spelled([painting.asked, { width, height, channels }, how]);
    const computation = this.#traces.computation(painting.network, asked, () =>
      computationOf(painting.trace(picture), how),
    );
    const job = jobOf(op, computation, scaledPicture(painting, picture));
    const copied = () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()];
    const { outputs } = await this.#executor.run(job, copied, options);
    const pixels = outputs[0] ?? new Uint8Array(0);
    const [paintedHeight = 0, paintedWidth = 0] = outputShape(job);
    return {
      data: new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, paintedHeight * paintedWidth * 4),
      width: paintedWidth,
      height: paintedHeight,
      channels: 4,
      colorSpace,
    };
  }

  /**
   * Ends the engine and gives its memory back; resolves when its workers have ended. Calls that wait reject with {@link EngineDisposedError};
   * a second call does nothing.
   */
  dispose(): Promise<void> {
    return this.#executor.dispose();
  }

  #job(op: string, target: Traceable, shapes: readonly Shape[], options: CompileOptions): Job {
    const how = jobOptions(op, options);
    const trace = (sizes: readonly Shape[]) =>
      traceModule(
        target,
        sizes.map((shape) => ({ shape })),
      );
    const make = () => computationOf(trace(shapes), how);
    // Functions are mostly written anew for each call, and are traced at each.
    const computation =
      target instanceof Module
        ? this.#traces.computation(target, spelled([shapes.map(spell), how]), make)
        : make();
    return jobOf(op, computation, scaledShapes(shapes, trace));
  }
}

if (Symbol.asyncDispose !== undefined) {
  Object.defineProperty(Engine.prototype, Symbol.asyncDispose, { value: Engine.prototype.dispose });
}

function jobOptions(op: string, options: CompileOptions): JobOptions {
  const { precision = 'high', fuse = true } = options;
  if (precision !== 'high' && precision !== 'highest') {
    throw new ArgumentError('no such precision', {
      op,
      got: shown(precision),
      wanted: "'high' or 'highest'",
    });
  }
  if (typeof fuse !== 'boolean') throw new ArgumentError('fuse is not a boolean', { op, got: shown(fuse) });
  return { precision, fuse };
}
