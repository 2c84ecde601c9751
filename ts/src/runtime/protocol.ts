/**
 * The messages between the façade (any thread, no wasm) and the host (owns memory, heap, instance). All plain data, structured-cloneable.
 * The host answers in order; only an abort overtakes a request, as a message or, with a pool, through the mailbox. The wasm memory is in
 * none of them: pool workers get it from the host.
 */
import type { ErrorOnWire } from '../errors.js';
import type { EncodedPlan } from '../graph/plan.js';
import type { Port } from '../platform/port.js';
import type { Fault } from './fault.js';
import type { Range } from './heap.js';

/** A packed weight the host does not have yet: raw stored bytes and the prepare plan that converts and packs them. */
export interface WeightUpload {
  readonly id: number;
  readonly bytes: number;
  /** Its relocations refer to weight 0 = the packed destination. Its inputs are the slots of `raw`, in order. */
  readonly prepare: EncodedPlan;
  /** Stored bytes as they are in the file, one a prepare input. Their buffers are moved to the host, which releases them. */
  readonly raw: readonly Uint8Array<ArrayBuffer>[];
}

/** The memory that is wanted; sizes in pages of 64 KiB. */
export interface MemoryWish {
  /** A first guess: the memory import's minimum cannot be read from JavaScript. */
  readonly initialPages: number;
  readonly maximumPages: number;
  /** Whether the module is a threads build, whose memory is shared. */
  readonly shared: boolean;
  /** What to do where the platform gives none. */
  readonly noMemoryHint: string;
}

export interface InitRequest extends MemoryWish {
  readonly type: 'init';
  /** A `WebAssembly.Module`; not spelled so, because public types may not need the DOM's. */
  readonly module: object;
  /** With pool workers: the façade aborts and they are commanded through the mailbox, so that the host need not yield. */
  readonly pool: PoolLinks | null;
}
/** A host's ways to its pool. */
export interface PoolLinks {
  readonly mailbox: SharedArrayBuffer;
  /** A `MessagePort` to each pool worker, through which it gets the memory. */
  readonly ports: readonly object[];
}
/** Weights that a plan needs, and that the host packs ahead of the plan's compile: one request would hold the bytes of all at once. */
export interface PackRequest {
  readonly type: 'pack';
  /** Owns them until its compile; should that not come, `free` drops them. */
  readonly plan: number;
  readonly uploads: readonly WeightUpload[];
}
/** `weights[i]` is the id of the packed weight that the plan's relocations call i. */
export interface CompileRequest {
  readonly type: 'compile';
  readonly plan: number;
  readonly encoded: EncodedPlan;
  readonly weights: readonly number[];
}
/** Each input's bytes are copied once into the plan's slot. Their buffers are moved to the host, which releases them. */
export interface RunRequest {
  readonly type: 'run';
  readonly plan: number;
  readonly inputs: readonly Uint8Array<ArrayBuffer>[];
  readonly wantsProgress: boolean;
}
/** Drops the plan, or what was packed for it, and each weight that no other plan uses. */
export interface FreeRequest {
  readonly type: 'free';
  readonly plan: number;
}
/** Asks where everything lies. */
export interface HeapRequest {
  readonly type: 'heap';
}
/** There is no request to end: the façade ends the worker itself. */
export type Request = InitRequest | PackRequest | CompileRequest | RunRequest | FreeRequest | HeapRequest;

/** Façade -> host. `abort` names the request to end. */
export type ToHost = { readonly id: number; readonly request: Request } | { readonly abort: number };

export interface RunReply {
  readonly outputs: readonly Uint8Array<ArrayBuffer>[];
  /** Milliseconds a record, in record order. */
  readonly recordMs: Float64Array;
}
export interface MemoryReply {
  /** Bytes of wasm memory, of it allocated (weights, plans, arena), and the arena alone. */
  readonly memoryBytes: number;
  readonly allocatedBytes: number;
  readonly arenaBytes: number;
}
/** With this the façade foresees what a plan will take. */
export interface HeapReply extends MemoryReply {
  readonly arenaAddress: number;
  readonly freeRanges: readonly Range[];
  /** What the memory may grow to: the maximum asked for, or what the platform accepted. */
  readonly maximumBytes: number;
}
export type Reply = RunReply | MemoryReply | HeapReply;

/** Host -> façade. Of a pack, progress counts packed weights; of a run, tiles. */
export type FromHost =
  | { readonly id: number; readonly reply: Reply }
  /** `crashed`: the host answers nothing more. */
  | { readonly id: number; readonly error: ErrorOnWire; readonly crashed: boolean }
  /** Kernels refused the plan; the engine can be used on. */
  | { readonly id: number; readonly fault: Fault }
  | { readonly id: number; readonly aborted: true }
  | { readonly id: number; readonly progress: { readonly done: number; readonly total: number } }
  /** It works on; sent at the end of a slice that has nothing else to say, for the watchdog. */
  | { readonly id: number; readonly alive: true };

/** The façade's way to a host. */
export type HostPort = Port<ToHost, FromHost>;

/** Whether this is a message that a host sends: another's script may share the worker. */
export function isFromHost(message: unknown): message is FromHost {
  if (!isObject(message) || typeof message.id !== 'number') return false;
  if ('reply' in message) return isObject(message.reply);
  if ('error' in message) {
    const { error } = message;
    return isObject(error) && typeof error.code === 'string' && isObject(error.fields);
  }
  return (
    isObject(message.progress) ||
    isObject(message.fault) ||
    message.aborted === true ||
    message.alive === true
  );
}

/**
 * Façade -> pool worker, once each: to make an instance over the memory that comes through the port, and to enter the mailbox's service, which
 * ends with the engine.
 */
export type ToPoolWorker =
  | { readonly prepare: { readonly module: object; readonly port: object } }
  | { readonly enter: { readonly index: number; readonly mailbox: SharedArrayBuffer } };

/** Pool worker -> façade: an answer to `prepare`, or why it serves no longer. */
export type FromPoolWorker = { readonly ready: true } | { readonly failed: string };

/** Whether this is a message that a pool worker sends. */
export function isFromPoolWorker(message: unknown): message is FromPoolWorker {
  return isObject(message) && (message.ready === true || typeof message.failed === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
