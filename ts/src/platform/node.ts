/** What the engine needs of Node: workers, the event loop, files. platform/web.ts exports the same names for browsers. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { type Transferable, Worker } from 'node:worker_threads';
import { quotaCpus } from './cgroup.js';
import type { Port, WorkerSource } from './port.js';

export { yieldNow } from './yield.js';

function spawn(source: WorkerSource): Worker {
  switch (source.kind) {
    case 'file': {
      // Bundlers look for this very expression. Node needs no type: the package is one of modules.
      const options = { type: 'module' };
      return new Worker(new URL('./gouache_worker.js', import.meta.url), options as object);
    }
    case 'url':
      return new Worker(new URL(source.url, import.meta.url));
    case 'text':
      return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source.text)}`));
    default:
      return source satisfies never;
  }
}

/** Starts a worker. Throws where workers are forbidden; a worker that fails later says so through `listen`. */
export function startWorker<Sent, Heard>(source: WorkerSource): Port<Sent, Heard> {
  const worker = spawn(source);
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as Transferable[]),
    listen(onMessage, onDeath) {
      worker.on('message', (message: Heard) => onMessage(message));
      worker.on('messageerror', (error) => onDeath(String(error)));
      worker.on('error', (error) => onDeath(String(error)));
      worker.on('exit', (code) => onDeath(`exit code ${code}`));
    },
    // A worker that nobody waits for must not keep the process alive; one that is awaited must.
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  };
}

/** The bytes behind a URL: file: from the disk, others by fetch. A rejected promise carries the platform's own error. */
export async function readBytes(url: string): Promise<Uint8Array> {
  if (url.startsWith('file:')) return readFile(new URL(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Processors that this process may use: those it is bound to, and no more than its cgroup's quota pays for. */
export function availableThreads(): number {
  const read = (path: string): string | null => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // Not Linux, or not permitted.
      return null;
    }
  };
  const quota = quotaCpus(read);
  return quota === null
    ? availableParallelism()
    : Math.min(availableParallelism(), Math.max(1, Math.floor(quota)));
}

/** What to do where not even a small memory is given. V8 sets some GB of address space aside for each, however small, unless it is told otherwise. */
export const noMemoryHint =
  'Dispose of other engines. Where the address space is limited (ulimit -v), start: node --disable-wasm-trap-handler.';

/** Why workers cannot share memory, or null where they can. */
export function sharingRefusal(): string | null {
  return typeof SharedArrayBuffer === 'function' ? null : 'this Node has no SharedArrayBuffer';
}
