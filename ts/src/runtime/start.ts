/** Where the host runs: in a worker from its file (or the caller's URL), else in a worker from its text, else on the caller's thread; and its pool. */
import { startWorker, yieldNow } from '#platform';
import { EngineCrashedError, GouacheError, OutOfMemoryError } from '../errors.js';
import type { WorkerSource } from '../platform/port.js';
import { messageOf } from '../spell.js';
import { HostClient } from './client.js';
import { meet } from './greeting.js';
import { startLocal } from './local_port.js';
import { mailboxWords } from './mailbox.js';
import { Pool, type Recruit, recruit } from './pool.js';
import { type FromHost, type InitRequest, isFromHost, isFromPoolWorker, type ToHost } from './protocol.js';
import type { Threads } from './threads.js';
import { STILL_MS } from './watchdog.js';

/** A worker that has not answered by then is given up. Starting one takes some 50 ms, on a busy machine ten times that. */
const ANSWER_TIMEOUT_MS = 5000;

/** As it is called beside the package's code: by no name that a program's own worker has. */
const WORKER_FILE = 'gouache_worker.js';

/** What the module says of itself. */
export type ModuleFacts = Omit<InitRequest, 'type' | 'pool'>;

export interface StartOptions {
  /** false keeps the host on the caller's thread. */
  readonly worker: boolean;
  readonly workerUrl: string | undefined;
  readonly threads: Threads;
  /** The module for more threads than one, or for one. */
  readonly load: (threads: boolean) => Promise<ModuleFacts>;
  /** How long a worker may stand still during a request. */
  readonly still_ms?: number;
}

export interface StartedHost {
  readonly client: HostClient;
  readonly where: 'worker' | 'caller';
  /** Why there, in words. */
  readonly reason: string;
  readonly threads: Threads;
  /** What did not start as it was wanted, in words. */
  readonly warnings: readonly string[];
}

/**
 * Starts a host and its pool, and initialises them. What the platform refuses is done without, with a warning.
 * @throws what `load` throws, and {@link UnsupportedError} or {@link OutOfMemoryError} as the host's init answers
 */
export async function startHost(options: StartOptions): Promise<StartedHost> {
  if (!options.worker) return startOnCaller(options, 'asked for with { worker: false }', []);
  const given = options.workerUrl;
  const first: WorkerSource = given === undefined ? { kind: 'file' } : { kind: 'url', url: given };
  // The kernels are compiled while the workers start. What goes wrong there is for whoever awaits it.
  const facts = options.load(options.threads.count > 1);
  facts.catch(() => {});
  const reasons: string[] = [];
  for (const source of [first, 'text'] as const) {
    const name =
      source === 'text' ? "the worker's text" : source.kind === 'url' ? brief(source.url) : WORKER_FILE;
    try {
      const started = await answering(source === 'text' ? await text() : source, facts, options);
      const reason = [...reasons, `a worker from ${name} answered`].join('; ');
      const warnings = reasons.length > 0 ? [`gouache: ${reason}`, ...started.warnings] : started.warnings;
      return { ...started, where: 'worker', reason, warnings };
    } catch (error) {
      if (error instanceof OutOfMemoryError && options.threads.count > 1)
        return withoutThreads(options, error);
      // An error of the host's own is not about workers, and a second try would meet it again.
      if (error instanceof GouacheError && error.code !== 'engine-crashed') throw error;
      reasons.push(`no worker from ${name}: ${withoutAdvice(error)}`);
    }
  }
  const reason = reasons.join('; ');
  return startOnCaller(options, reason, [`gouache runs on the caller's thread; ${reason}`]);
}

async function text(): Promise<WorkerSource> {
  const { workerSource } = await import('../platform/worker_source.js');
  return { kind: 'text', text: workerSource };
}

/** Where the platform gives no shared memory. */
async function withoutThreads(options: StartOptions, error: OutOfMemoryError): Promise<StartedHost> {
  const reason = `the platform refused the shared memory (${error.message})`;
  const started = await startHost({ ...options, threads: { count: 1, reason } });
  return { ...started, warnings: [`gouache computes with one thread: ${reason}`, ...started.warnings] };
}

async function startOnCaller(
  options: StartOptions,
  reason: string,
  warnings: readonly string[],
): Promise<StartedHost> {
  const { count, reason: why } = options.threads;
  const facts = await options.load(false);
  const client = new HostClient(startLocal(yieldNow), null);
  await client.request({ type: 'init', ...facts, pool: null });
  const threads =
    count === 1 ? options.threads : { count: 1, reason: `no worker started; else ${count}: ${why}` };
  return { client, where: 'caller', reason, threads, warnings };
}

/** Starts the host and, beside it, the pool. */
async function answering(
  source: WorkerSource,
  loading: Promise<ModuleFacts>,
  { threads, still_ms = STILL_MS }: StartOptions,
): Promise<Pick<StartedHost, 'client' | 'threads' | 'warnings'>> {
  const host = meet<ToHost, FromHost>(startWorker(source), isFromHost);
  const client = new HostClient(host.port, still_ms);
  const crew = recruits(source, threads.count - 1);
  try {
    const facts = await loading;
    await within(host.greeted);
    if (threads.count === 1) {
      await within(client.request({ type: 'init', ...facts, pool: null }));
      return { client, threads, warnings: [] };
    }
    const mailbox = mailboxWords();
    const ports = crew.started.map(({ hostEnd }) => hostEnd);
    const preparing = prepared(crew, facts.module);
    await within(client.request({ type: 'init', ...facts, pool: { mailbox, ports } }, { transfer: ports }));
    const pool = new Pool(mailbox, await preparing);
    client.join(pool);
    client.throwIfDead();
    if (pool.workers === threads.count) return { client, threads, warnings: [] };
    const missing = threads.count - pool.workers;
    const reason = `${missing} of ${threads.count} threads did not start: ${crew.failures.join('; ')}`;
    return { client, threads: { count: pool.workers, reason }, warnings: [`gouache: ${reason}`] };
  } catch (error) {
    await Promise.all([
      client.end(new EngineCrashedError('the worker did not start')),
      ...crew.started.map((one) => one.dismiss()),
    ]);
    throw error;
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
      crew.started.push(recruit(meet(startWorker(source), isFromPoolWorker)));
    } catch (error) {
      crew.failures.push(withoutAdvice(error));
    }
  }
  return crew;
}

/** Those of the crew that are ready; the others end, and leave their reasons. */
async function prepared(crew: Crew, module: object): Promise<Recruit[]> {
  const outcomes = await Promise.allSettled(crew.started.map((one) => within(one.prepare(module))));
  return crew.started.filter((one, index) => {
    const outcome = outcomes[index];
    // One that was ready may have ended while others were still starting.
    const failure = outcome?.status === 'rejected' ? withoutAdvice(outcome.reason) : one.death;
    if (failure === null) return true;
    crew.failures.push(failure);
    void one.dismiss();
    return false;
  });
}

/** @throws when the promise takes too long */
function within<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(
      () => reject(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timeout));
  });
}

/** A data: URL holds a whole script. */
function brief(url: string): string {
  return url.length > 200 ? `${url.slice(0, 60)}...` : url;
}

/** What went wrong, without the advice: the engine starts in another way. */
function withoutAdvice(error: unknown): string {
  const hint = error instanceof GouacheError && error.hint;
  return hint ? error.message.replace(`. ${hint}`, '') : messageOf(error);
}
