/**
 * Traces that need not be made again: a network's, for what was asked of it before, as long as the network looks the same (nn/snapshot.ts). One
 * with a `traceKey` is believed at once, another one when two traces in a row have given the same text, unless its modules hide something or
 * `forward` changes them.
 */
import type { Module } from './nn/module.js';
import { looksLike, type Snapshot, snapshotOf, traceKeyOf } from './nn/snapshot.js';
import type { Computation } from './runtime/job.js';

/** What is kept of one network: so many calls' computations, and of them so many nodes (some 600 bytes each, with their text in the key). */
const MOST_CALLS = 32;
const MOST_NODES = 2 ** 15;

interface Entry {
  readonly computation: Computation;
  /** Whether the next call takes it as it is. */
  readonly believed: boolean;
}

interface Memory {
  readonly snapshot: Snapshot;
  /** By what was asked, least recently used first. */
  readonly entries: Map<string, Entry>;
}

/** One an engine. It keeps no network alive. */
export class TraceMemo {
  readonly #memories = new WeakMap<Module, Memory>();

  /**
   * What `trace` gives, which is not called where its result is known.
   * @param asked spells all that the result depends on besides the network
   */
  computation(network: Module, asked: string, trace: () => Computation): Computation {
    const kept = this.#memories.get(network);
    const memory = kept !== undefined && looksLike(network, kept.snapshot) ? kept : undefined;
    const entries: Memory['entries'] = memory?.entries ?? new Map();
    const known = entries.get(asked);
    entries.delete(asked);
    if (known?.believed === true) {
      entries.set(asked, known);
      return known.computation;
    }
    const before = memory?.snapshot ?? snapshotOf(network);
    const made = trace();
    const isAgain = known?.computation.key === made.key;
    // The very text by which its plan is kept: a copy would be compared letter by letter at every call.
    const computation = isAgain ? known.computation : made;
    const snapshot = snapshotOf(network);
    const isKeyed = traceKeyOf(network) !== undefined;
    if (isKeyed || shows(snapshot, before, computation)) {
      entries.set(asked, { computation, believed: isKeyed || isAgain });
      forgetExcess(entries);
      this.#memories.set(network, { snapshot, entries });
    } else this.#memories.delete(network);
    return computation;
  }
}

/** Whether a network's snapshot shows all that its trace depends on, as far as one can tell. */
function shows(snapshot: Snapshot, before: Snapshot, { parameters }: Computation): boolean {
  const { plain, keyed, complete } = snapshot;
  const isSame =
    plain.length === before.plain.length && plain.every((part, at) => Object.is(part, before.plain[at]));
  if (!complete || !isSame) return false;
  // A layer from outside of the network may change there.
  const parts = new Set([...plain, ...keyed]);
  return parameters.every((parameter) => parameter.madeInTrace || parts.has(parameter));
}

/** The entry that was used last stays, however large. */
function forgetExcess(entries: Map<string, Entry>): void {
  let nodes = 0;
  for (const { computation } of entries.values()) nodes += computation.graph.nodes.length;
  for (const [asked, { computation }] of entries) {
    if (entries.size === 1 || (entries.size <= MOST_CALLS && nodes <= MOST_NODES)) return;
    entries.delete(asked);
    nodes -= computation.graph.nodes.length;
  }
}
