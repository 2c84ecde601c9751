/** Where the host runs: in a worker from its file (or the caller's URL), else in a worker from its text, else on the caller's thread. */
import { startWorker, yieldNow } from '#platform';
import { EngineCrashedError, GouacheError } from '../errors.js';
import { HostClient } from './client.js';
import { startLocal } from './local_port.js';
import type { HostPort, WorkerSource } from './port.js';
import type { InitRequest, MemoryReply } from './protocol.js';

/** A worker that has not answered by then is given up. Starting one takes some 50 ms, on a busy machine ten times that. */
const ANSWER_TIMEOUT_MS = 5000;

export interface StartOptions {
  /** false keeps the host on the caller's thread. */
  readonly worker: boolean;
  readonly workerUrl: string | undefined;
  readonly init: InitRequest;
  /** Hears why a worker did not start. */
  readonly warn: (text: string) => void;
}

export interface StartedHost {
  readonly client: HostClient;
  readonly where: 'worker' | 'caller';
  /** Why there, in words. */
  readonly reason: string;
  readonly memory: MemoryReply;
}

/** Thrown where a worker cannot be had, as opposed to one that answers with an error. */
class NoWorker extends Error {}

/**
 * Starts a host and initialises it.
 * @throws {@link UnsupportedError} or {@link OutOfMemoryError} as the host's init answers
 */
export async function startHost(options: StartOptions): Promise<StartedHost> {
  if (!options.worker) return startOnCaller(options, 'asked for with { worker: false }');
  const given = options.workerUrl;
  const first: WorkerSource = given === undefined ? { kind: 'file' } : { kind: 'url', url: given };
  const reasons: string[] = [];
  for (const source of [first, 'text'] as const) {
    const name = source === 'text' ? "the worker's text" : source.kind === 'url' ? source.url : 'worker.js';
    try {
      const started = await answering(source === 'text' ? await text() : source, options.init);
      const reason = [...reasons, `a worker from ${name} answered`].join('; ');
      if (reasons.length > 0) options.warn(`gouache: ${reason}`);
      return { ...started, where: 'worker', reason };
    } catch (error) {
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

async function startOnCaller(options: StartOptions, reason: string): Promise<StartedHost> {
  const client = new HostClient(startLocal(yieldNow));
  return { client, where: 'caller', reason, memory: await client.request(options.init) };
}

async function answering(
  source: WorkerSource,
  init: InitRequest,
): Promise<{ readonly client: HostClient; readonly memory: MemoryReply }> {
  let port: HostPort;
  try {
    port = startWorker(source);
  } catch (error) {
    throw new NoWorker(error instanceof Error ? error.message : String(error));
  }
  const client = new HostClient(port);
  const timeout = setTimeout(() => {
    client.end(new EngineCrashedError(`no answer in ${ANSWER_TIMEOUT_MS} ms`));
  }, ANSWER_TIMEOUT_MS);
  try {
    return { client, memory: await client.request(init) };
  } catch (error) {
    client.end(new EngineCrashedError('the worker did not start'));
    // An error of the host's own is not about workers, and a second try would meet it again.
    if (error instanceof GouacheError && error.code !== 'engine-crashed') throw error;
    throw new NoWorker(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timeout);
  }
}
