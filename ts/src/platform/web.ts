/** What the engine needs of a browser: workers, the event loop, fetch. platform/node.ts exports the same names for Node. */
import type { Port, WorkerSource } from './port.js';

export { yieldNow } from './yield.js';

interface Spawned {
  readonly worker: Worker;
  /** Gives back what the worker was started from. */
  release(): void;
}

function spawn(source: WorkerSource): Spawned {
  const release = () => {};
  switch (source.kind) {
    case 'file':
      // Bundlers look for this very expression.
      return {
        worker: new Worker(new URL('./gouache_worker.js', import.meta.url), { type: 'module' }),
        release,
      };
    case 'url':
      return { worker: new Worker(source.url, { type: 'module' }), release };
    case 'text': {
      const url = URL.createObjectURL(new Blob([source.text], { type: 'text/javascript' }));
      return { worker: new Worker(url), release: () => URL.revokeObjectURL(url) };
    }
    default:
      return source satisfies never;
  }
}

/** Starts a worker. Throws where workers are forbidden; a worker that fails later says so through `listen`. */
export function startWorker<Sent, Heard>(source: WorkerSource): Port<Sent, Heard> {
  const { worker, release } = spawn(source);
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    listen(onMessage, onDeath) {
      worker.onmessage = (event: MessageEvent<Heard>) => {
        release();
        onMessage(event.data);
      };
      worker.onmessageerror = () => onDeath('a message could not be read');
      // A script that cannot be fetched gives an event without a message.
      worker.onerror = ({ message }) => onDeath(message || 'the script could not be loaded');
    },
    hold() {},
    async terminate() {
      release();
      worker.terminate();
    },
  };
}

/** The bytes behind a URL. A rejected promise carries the platform's own error. */
export async function readBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Processors that the browser tells of; some tell of fewer than there are. */
export function availableThreads(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** What to do where not even a small memory is given. */
export const noMemoryHint = 'Dispose of other engines, or close other pages.';

/** Why workers cannot share memory, or null where they can. */
export function sharingRefusal(): string | null {
  // Where the page is not isolated, some browsers hide the constructor and others only refuse to send what it makes.
  if (globalThis.crossOriginIsolated === false)
    return 'the page is not cross-origin isolated (it needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)';
  return typeof SharedArrayBuffer === 'function' ? null : 'the platform has no SharedArrayBuffer';
}
