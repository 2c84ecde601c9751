/**
 * The worker's entry: a host behind the thread's message port. Bundled into one file without imports, which Node and browsers start alike,
 * also from its text; so Node's port is asked for at run time.
 */
import { Host } from '../runtime/host.js';
import type { FromHost, ToHost } from '../runtime/protocol.js';
import { yieldNow } from './yield.js';

interface NodePort {
  postMessage(message: FromHost, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (message: ToHost) => void): void;
}

interface WebScope {
  postMessage(message: FromHost, transfer: readonly ArrayBuffer[]): void;
  onmessage: ((event: { readonly data: ToHost }) => void) | null;
}

interface NodeProcess {
  getBuiltinModule?(name: string): { readonly parentPort?: NodePort | null } | undefined;
}

const { process } = globalThis as unknown as { readonly process?: NodeProcess };
const nodePort = process?.getBuiltinModule?.('node:worker_threads')?.parentPort ?? null;

if (nodePort !== null) {
  const host = new Host((message, transfer) => nodePort.postMessage(message, transfer), yieldNow);
  nodePort.on('message', (message) => host.receive(message));
} else {
  const scope = globalThis as unknown as WebScope;
  const host = new Host((message, transfer) => scope.postMessage(message, transfer), yieldNow);
  scope.onmessage = (event) => host.receive(event.data);
}
