/** The façade's end of the line to a host: requests as promises. It keeps no order of its own (the host answers in order) and knows no plans. */
import { EngineCrashedError, fromWire, type GouacheError } from '../errors.js';
import { faultError } from './fault.js';
import type { Pool } from './pool.js';
import type {
  FromHost,
  HeapReply,
  HeapRequest,
  HostPort,
  MemoryReply,
  Reply,
  Request,
  RunReply,
  RunRequest,
} from './protocol.js';
import { type AbortSignalLike, onAbort, reasonOf } from './signal.js';
import { Watchdog, type Watched } from './watchdog.js';

export interface RequestOptions {
  readonly signal?: AbortSignalLike | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Buffers to move to the host. */
  readonly transfer?: readonly object[];
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
  readonly #watchdog: Watchdog | null;
  #pool: Pool | null = null;
  #lastId = 0;
  /** Messages of the host, by which the watchdog knows that it lives. */
  #heard = 0;
  #death: GouacheError | null = null;
  #gone: Promise<void> = Promise.resolve();

  /** @param still_ms how long a worker may stand still during a request; null where the host computes on this very thread */
  constructor(port: HostPort, still_ms: number | null) {
    this.#port = port;
    this.#watchdog = still_ms === null ? null : new Watchdog(still_ms, (reason) => this.#crash(reason));
    port.listen(
      (message) => this.#hear(message),
      (reason) => this.#crash(reason),
    );
  }

  /** Adds the workers that compute with the host, from now on. They live and die with it. */
  join(pool: Pool): void {
    this.#pool = pool;
    pool.listen((reason) => this.#crash(reason));
    if (this.#death !== null) this.#gone = Promise.all([this.#gone, pool.terminate()]).then(() => {});
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

  request(request: RunRequest, options?: RequestOptions): Promise<RunReply>;
  request(request: HeapRequest, options?: RequestOptions): Promise<HeapReply>;
  request(
    request: Exclude<Request, RunRequest | HeapRequest>,
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

  /** Ends the host and rejects all that waits, and all that comes, with `reason`. Resolves when all workers are gone. */
  end(reason: GouacheError): Promise<void> {
    if (this.#death !== null) return this.#gone;
    this.#death = reason;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    // Before they are ended: a process stays alive for whom it ends.
    this.#hold(false);
    this.#gone = Promise.all([this.#port.terminate(), this.#pool?.terminate()]).then(() => {});
    return this.#gone;
  }

  #crash(reason: string): void {
    void this.end(new EngineCrashedError(`the worker ended: ${reason}`, { hint: 'Make a new engine.' }));
  }

  #hold(busy: boolean): void {
    this.#port.hold(busy);
    this.#pool?.hold(busy);
    if (!busy) this.#watchdog?.stop();
    // The host always has something to do while it is being asked.
    else this.#watchdog?.start([this.#watchedHost, ...(this.#pool?.watched ?? [])]);
  }

  get #watchedHost(): Watched {
    return { beats: () => this.#heard, isBusy: () => true };
  }

  #hear(message: FromHost): void {
    this.#heard++;
    const pending = this.#pending.get(message.id);
    if (pending === undefined || 'alive' in message) return;
    if ('progress' in message) {
      pending.options.onProgress?.(message.progress.done, message.progress.total);
      return;
    }
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#hold(false);
    if ('reply' in message) pending.resolve(message.reply);
    else if ('aborted' in message) pending.reject(reasonOf(pending.options.signal));
    else if ('fault' in message) pending.reject(faultError(message.fault));
    else {
      const error = fromWire(message.error);
      pending.reject(error);
      // Its memory goes with it.
      if (message.crashed) void this.end(error);
    }
  }
}
