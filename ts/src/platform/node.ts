/** What the engine needs of Node: workers, the event loop, files. platform/web.ts exports the same names for browsers. */
import { readFile } from 'node:fs/promises';
import { type Transferable, Worker } from 'node:worker_threads';
import type { HostPort, WorkerSource } from '../runtime/port.js';
import type { FromHost } from '../runtime/protocol.js';

export { yieldNow } from './yield.js';

function spawn(source: WorkerSource): Worker {
  switch (source.kind) {
    case 'file': {
      // Bundlers look for this very expression. Node needs no type: the package is one of modules.
      const options = { type: 'module' };
      return new Worker(new URL('./worker.js', import.meta.url), options as object);
    }
    case 'url':
      return new Worker(new URL(source.url, import.meta.url));
    case 'text':
      return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source.text)}`));
    default:
      return source satisfies never;
  }
}

/** Starts a worker that holds a host. Throws where workers are forbidden; a worker that fails later says so through `listen`. */
export function startWorker(source: WorkerSource): HostPort {
  const worker = spawn(source);
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as Transferable[]),
    listen(onMessage, onDeath) {
      worker.on('message', (message: FromHost) => onMessage(message));
      worker.on('messageerror', (error) => onDeath(String(error)));
      worker.on('error', (error) => onDeath(String(error)));
      worker.on('exit', (code) => onDeath(`exit code ${code}`));
    },
    // A worker that nobody waits for must not keep the process alive; one that is awaited must.
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}

/** The bytes behind a URL: file: from the disk, others by fetch. A rejected promise carries the platform's own error. */
export async function readBytes(url: string): Promise<Uint8Array> {
  if (url.startsWith('file:')) return readFile(new URL(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
