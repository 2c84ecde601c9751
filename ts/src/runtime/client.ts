/** The façade's end of the line to a host: requests as promises. It keeps no order of its own (the host answers in order) and knows no plans. */
import { EngineCrashedError, fromWire, type GouacheError } from '../errors.js';
import type { Pool } from './pool.js';
import type { HostPort } from './port.js';
import type {
  FromHost,
  InitReply,
  InitRequest,
  MemoryReply,
  Reply,
  Request,
  RunReply,
  RunRequest,
} from './protocol.js';
import { type AbortSignalLike, onAbort, reasonOf } from './signal.js';

export interface RequestOptions {
  readonly signal?: AbortSignalLike | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Buffers to move to the host. */
  readonly transfer?: readonly ArrayBuffer[];
}

interface Pending {
  resolve(reply: Reply): void;
  reject(reason: unknown): void;
  readonly options: RequestOptions;
}

/** Sends requests to one host and settles their promises; a dead host rejects them all. */
export class HostClient {
  readonly #port: HostPort;
  readonly #pending = new Map<number, Pending>();
  #pool: Pool | null = null;
  #lastId = 0;
  #death: GouacheError | null = null;

  constructor(port: HostPort) {
    this.#port = port;
    port.listen(
      (message) => this.#hear(message),
      (reason) => this.#crash(reason),
    );
  }

  /** Adds the workers that compute with the host, from now on. They live and die with it. */
  join(pool: Pool): void {
    this.#pool = pool;
    pool.listen((reason) => this.#crash(reason));
    if (this.#death !== null) pool.terminate();
  }

  /** Threads that compute. */
  get workers(): number {
    return this.#pool?.workers ?? 1;
  }

  /** Whether the host still answers. */
  get alive(): boolean {
    return this.#death === null;
  }

  /** @throws why the host is gone, if it is */
  throwIfDead(): void {
    if (this.#death !== null) throw this.#death;
  }

  request(request: InitRequest, options?: RequestOptions): Promise<InitReply>;
  request(request: RunRequest, options?: RequestOptions): Promise<RunReply>;
  request(
    request: Exclude<Request, RunRequest | InitRequest>,
    options?: RequestOptions,
  ): Promise<MemoryReply>;
  /**
   * Sends a request. When the signal fires, the host is told, and the promise rejects with the signal's reason once the host has let go.
   * @throws {@link EngineCrashedError} when the host is dead or dies before it answers
   */
  request(request: Request, options: RequestOptions = {}): Promise<Reply> {
    if (this.#death !== null) return Promise.reject(this.#death);
    const id = ++this.#lastId;
    let letGo = () => {};
    return new Promise<Reply>((resolve, reject) => {
      letGo = onAbort(options.signal, () => {
        // Only a host without a pool turns its event loop while it computes.
        this.#pool?.abort(id);
        this.#port.post({ abort: id }, []);
      });
      this.#port.post({ id, request }, options.transfer ?? []);
      this.#pending.set(id, { resolve, reject, options });
      this.#hold(true);
    }).finally(() => letGo());
  }

  /** Ends the host and rejects all that waits, and all that comes, with `reason`. */
  end(reason: GouacheError): void {
    if (this.#death !== null) return;
    this.#death = reason;
    this.#port.terminate();
    this.#pool?.terminate();
    // It refers to the memory, which is not to outlive the workers.
    this.#pool = null;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    this.#port.hold(false);
  }

  #crash(reason: string): void {
    this.end(new EngineCrashedError(`the worker ended: ${reason}`, { hint: 'Make a new engine.' }));
  }

  #hold(busy: boolean): void {
    this.#port.hold(busy);
    this.#pool?.hold(busy);
  }

  #hear(message: FromHost): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if ('progress' in message) {
      pending.options.onProgress?.(message.progress.done, message.progress.total);
      return;
    }
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#hold(false);
    if ('reply' in message) pending.resolve(message.reply);
    else if ('aborted' in message) pending.reject(reasonOf(pending.options.signal));
    else {
      const error = fromWire(message.error);
      pending.reject(error);
      // Its memory goes with it.
      if (message.crashed) this.end(error);
    }
  }
}
