/** Where the host runs: in a worker from its file (or the caller's URL), else in a worker from its text, else on the caller's thread; and its pool. */
import { startWorker, yieldNow } from '#platform';
import { EngineCrashedError, GouacheError, OutOfMemoryError } from '../errors.js';
import { HostClient } from './client.js';
import { startLocal } from './local_port.js';
import { Pool, type Recruit, recruit, STILL_MS } from './pool.js';
import type { HostPort, WorkerSource } from './port.js';
import type { FromHost, InitReply, InitRequest, SharedMemory, ToHost } from './protocol.js';
import type { Threads } from './threads.js';

/** A worker that has not answered by then is given up. Starting one takes some 50 ms, on a busy machine ten times that. */
const ANSWER_TIMEOUT_MS = 5000;

/** What the module says of itself. */
export type ModuleFacts = Omit<InitRequest, 'type' | 'mailbox'>;

export interface StartOptions {
  /** false keeps the host on the caller's thread. */
  readonly worker: boolean;
  readonly workerUrl: string | undefined;
  readonly threads: Threads;
  /** The module for more threads than one, or for one. */
  readonly load: (threads: boolean) => Promise<ModuleFacts>;
  /** Hears why a worker did not start. */
  readonly warn: (text: string) => void;
  /** How long a worker may stand still during a request. */
  readonly still_ms?: number;
}

export interface StartedHost {
  readonly client: HostClient;
  readonly where: 'worker' | 'caller';
  /** Why there, in words. */
  readonly reason: string;
  readonly init: InitReply;
  readonly threads: Threads;
}

/** Thrown where a worker cannot be had, as opposed to one that answers with an error. */
class NoWorker extends Error {}

/**
 * Starts a host and its pool, and initialises them. What the platform refuses is done without, with a warning.
 * @throws {@link UnsupportedError} or {@link OutOfMemoryError} as the host's init answers
 */
export async function startHost(options: StartOptions): Promise<StartedHost> {
  if (!options.worker) return startOnCaller(options, 'asked for with { worker: false }');
  const given = options.workerUrl;
  const first: WorkerSource = given === undefined ? { kind: 'file' } : { kind: 'url', url: given };
  // The kernels are compiled while the workers start. What goes wrong there is for whoever awaits it.
  const facts = options.load(options.threads.count > 1);
  facts.catch(() => {});
  const reasons: string[] = [];
  for (const source of [first, 'text'] as const) {
    const name =
      source === 'text'
        ? "the worker's text"
        : source.kind === 'url'
          ? brief(source.url)
          : 'gouache_worker.js';
    try {
      const started = await answering(source === 'text' ? await text() : source, facts, options);
      const reason = [...reasons, `a worker from ${name} answered`].join('; ');
      if (reasons.length > 0) options.warn(`gouache: ${reason}`);
      return { ...started, where: 'worker', reason };
    } catch (error) {
      if (error instanceof OutOfMemoryError && options.threads.count > 1)
        return withoutThreads(options, error);
      if (!(error instanceof NoWorker)) throw error;
      reasons.push(`no worker from ${name}: ${error.message}`);
    }
  }
  options.warn(`gouache runs on the caller's thread; ${reasons.join('; ')}`);
  return startOnCaller(options, reasons.join('; '));
}

async function text(): Promise<WorkerSource> {
  const { workerSource } = await import('../platform/worker_source.js');
  return { kind: 'text', text: workerSource };
}

/** Where the platform gives no shared memory. */
function withoutThreads(options: StartOptions, error: OutOfMemoryError): Promise<StartedHost> {
  const reason = `the platform refused the shared memory (${error.message})`;
  options.warn(`gouache computes with one thread: ${reason}`);
  return startHost({ ...options, threads: { count: 1, reason } });
}

async function startOnCaller(options: StartOptions, reason: string): Promise<StartedHost> {
  const { count, reason: why } = options.threads;
  const facts = await options.load(false);
  const client = new HostClient(startLocal(yieldNow));
  const init = await client.request({ type: 'init', ...facts, mailbox: false });
  const threads =
    count === 1 ? options.threads : { count: 1, reason: `no worker started; else ${count}: ${why}` };
  return { client, where: 'caller', reason, init, threads };
}

/** Starts the host and, beside it, the pool. */
async function answering(
  source: WorkerSource,
  loading: Promise<ModuleFacts>,
  options: StartOptions,
): Promise<Pick<StartedHost, 'client' | 'init' | 'threads'>> {
  let port: HostPort;
  try {
    port = startWorker<ToHost, FromHost>(source);
  } catch (error) {
    throw new NoWorker(spell(error));
  }
  const client = new HostClient(port);
  const { threads } = options;
  const crew = recruits(source, threads.count - 1);
  try {
    const facts = await loading;
    const init = await within(
      client.request({ type: 'init', ...facts, mailbox: threads.count > 1 }),
      'no answer',
    );
    if (threads.count === 1 || init.shared === null) return { client, init, threads };
    const ready = await prepared(crew, facts.module, init.shared);
    const pool = new Pool({ shared: init.shared, recruits: ready, still_ms: options.still_ms ?? STILL_MS });
    client.join(pool);
    return { client, init, threads: reached(pool.workers, crew.failures, options) };
  } catch (error) {
    client.end(new EngineCrashedError('the worker did not start'));
    for (const { port: member } of crew.started) member.terminate();
    // An error of the host's own is not about workers, and a second try would meet it again.
    if (error instanceof GouacheError && error.code !== 'engine-crashed') throw error;
    throw new NoWorker(spell(error));
  }
}

interface Crew {
  readonly started: Recruit[];
  readonly failures: string[];
}

function recruits(source: WorkerSource, count: number): Crew {
  const crew: Crew = { started: [], failures: [] };
  for (let index = 0; index < count; index++) {
    try {
      crew.started.push(recruit(() => startWorker(source)));
    } catch (error) {
      crew.failures.push(spell(error));
    }
  }
  return crew;
}

/** Those of the crew that are ready; the others end, and leave their reasons. */
async function prepared(crew: Crew, module: object, shared: SharedMemory): Promise<Recruit[]> {
  const outcomes = await Promise.allSettled(
    crew.started.map((one) => within(one.prepare(module, shared), 'no answer')),
  );
  return crew.started.filter((one, index) => {
    const outcome = outcomes[index];
    if (outcome?.status === 'fulfilled') return true;
    crew.failures.push(spell(outcome?.reason));
    one.port.terminate();
    return false;
  });
}

function reached(count: number, failures: readonly string[], { threads, warn }: StartOptions): Threads {
  if (count === threads.count) return threads;
  const reason = `${threads.count - count} of ${threads.count} threads did not start: ${failures.join('; ')}`;
  warn(`gouache: ${reason}`);
  return { count, reason };
}

/** @throws {@link EngineCrashedError} when the promise takes too long */
function within<T>(promise: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(
      () => reject(new EngineCrashedError(`${what} in ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timeout));
  });
}

/** A data: URL holds a whole script. */
function brief(url: string): string {
  return url.length > 200 ? `${url.slice(0, 60)}...` : url;
}

function spell(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
