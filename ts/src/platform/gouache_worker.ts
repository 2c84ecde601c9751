/**
 * The worker's entry: a host, or a worker of its pool, behind the thread's message port. Bundled into one file without imports, which Node
 * and browsers start alike, also from its text; so Node's port is asked for at run time.
 */
import { GREETING } from '../runtime/greeting.js';
import { Host } from '../runtime/host.js';
import { PoolWorker } from '../runtime/pool_worker.js';
import type { FromHost, FromPoolWorker, ToHost, ToPoolWorker } from '../runtime/protocol.js';
import { yieldNow } from './yield.js';

type Sent = typeof GREETING | FromHost | FromPoolWorker;
type Heard = ToHost | ToPoolWorker;

interface NodePort {
  postMessage(message: Sent, transfer: readonly object[]): void;
  on(event: 'message', listener: (message: Heard) => void): void;
}

interface WebScope {
  postMessage(message: Sent, transfer: readonly object[]): void;
  onmessage: ((event: { readonly data: Heard }) => void) | null;
}

interface NodeProcess {
  getBuiltinModule?(name: string): { readonly parentPort?: NodePort | null } | undefined;
}

function serve(post: (message: Sent, transfer: readonly object[]) => void): (message: Heard) => void {
  const host = new Host(post, yieldNow, 'own');
  const poolWorker = new PoolWorker((message) => post(message, []));
  post(GREETING, []);
  return (message) => {
    if ('prepare' in message || 'enter' in message) poolWorker.receive(message);
    else host.receive(message);
  };
}

const { process } = globalThis as unknown as { readonly process?: NodeProcess };
const nodePort = process?.getBuiltinModule?.('node:worker_threads')?.parentPort ?? null;

if (nodePort !== null) {
  nodePort.on(
    'message',
    serve((message, transfer) => nodePort.postMessage(message, transfer)),
  );
} else {
  const scope = globalThis as unknown as WebScope;
  const receive = serve((message, transfer) => scope.postMessage(message, transfer));
  scope.onmessage = (event) => receive(event.data);
}
