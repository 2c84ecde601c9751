/**
 * place: lays all storage of a laid out graph out in one arena, from live ranges. Pure and printable. A value lies in a buffer, at an offset; an output
 * takes over the storage of an input that nobody reads any more where its kernel allows it.
 */
import type { LaidOutCall } from '../ops/descriptor.js';
import { descriptorOf, type RecordKernel } from '../ops/index.js';
import type { Kernels } from '../ops/kernels.js';
import { type Layout, layoutBytes, sameBytes } from '../ops/layout.js';
import { type Alias, aliases } from './alias.js';
import { type LiveRange, layOut as layOutRanges } from './arena.js';
import { get, type Node, neededAtEnds, readOf, type ValueId, writtenOf } from './graph.js';
import { type LaidOut, laidOutCall, layoutAt } from './lay_out.js';

/** Where bytes lie. */
export interface Place {
  /** Index into {@link Placement.buffers}. */
  readonly buffer: number;
  /** In bytes, a multiple of 16. */
  readonly offset: number;
}

export interface PlacedBuffer extends LiveRange {
  /** What it holds, for prints: `%3`, `temporary`, `scratch`. */
  readonly label: string;
  /** Of the arena; null for a constant, which lies among the weights. */
  readonly offset_bytes: number | null;
  readonly constant: number | null;
}

/** A node that becomes records. */
export type RecordNode = { [K in RecordKernel]: Node<Kernels, K> }[RecordKernel];

export interface Step {
  readonly node: RecordNode;
  readonly call: LaidOutCall<RecordKernel>;
  /** null for one that is absent. */
  readonly inputs: readonly (Place | null)[];
  readonly outputs: readonly Place[];
  readonly temporaries: readonly Place[];
  readonly scratch: Place | null;
  /** A worker's. */
  readonly scratch_bytes: number;
}

/** What the host copies in before a run, or out after it. */
export interface PlacedPort {
  readonly place: Place;
  readonly bytes: number;
}

export interface Placement {
  readonly laidOut: LaidOut;
  readonly workers: number;
  readonly steps: readonly Step[];
  readonly buffers: readonly PlacedBuffer[];
  /** Of the graph, then of what it reads of cells. */
  readonly inputs: readonly PlacedPort[];
  /** Of the graph, then of what it leaves in cells. */
  readonly outputs: readonly PlacedPort[];
  readonly arena_bytes: number;
}

interface OpenBuffer {
  readonly label: string;
  readonly bytes: number;
  readonly first: number;
  last: number;
  readonly constant: number | null;
}

export interface PlaceOptions {
  readonly workers: number;
  /** Values that lie among the weights, by their number there. */
  readonly constants: ReadonlyMap<ValueId, number>;
}

class Placer {
  readonly #laidOut: LaidOut;
  readonly #options: PlaceOptions;
  readonly #places = new Map<ValueId, Place>();
  /** By value that is no view. */
  readonly #lastUses = new Map<ValueId, number>();
  /** What each view shows. */
  readonly #sources = new Map<ValueId, ValueId>();
  readonly #buffers: OpenBuffer[] = [];
  /** Values that lie in each buffer, views apart. */
  readonly #held = new Map<number, ValueId[]>();
  #aliases: ReadonlyMap<ValueId, Alias> = new Map();
  /** Buffers of values that others lie in, from the first one that is made. */
  readonly #owners = new Map<ValueId, Place>();
  readonly #steps: Step[] = [];

  constructor(laidOut: LaidOut, options: PlaceOptions) {
    this.#laidOut = laidOut;
    this.#options = options;
  }

  run(): Placement {
    const { inputs, nodes, outputs, state } = this.#laidOut.graph;
    nodes.forEach((node, index) => {
      const [input, output] = [node.inputs[0] ?? null, node.outputs[0]];
      if (node.op === 'view' && input !== null && output !== undefined) this.#sources.set(output, input);
      else for (const id of node.inputs) if (id !== null) this.#lastUses.set(this.#source(id), index);
    });
    for (const id of neededAtEnds(this.#laidOut.graph))
      this.#lastUses.set(this.#source(id), Number.POSITIVE_INFINITY);
    for (const [value, constant] of this.#options.constants)
      this.#places.set(value, this.#buffer(`weight#${constant}`, this.#bytes(value), constant));
    const entering = [...inputs.map(({ value }) => value), ...readOf(state)];
    for (const id of entering) this.#places.set(id, this.#buffer(`input %${id}`, this.#bytes(id)));
    const isOpen = (id: ValueId): boolean => !this.#places.has(id);
    this.#aliases = aliases(this.#laidOut, (id) => this.#source(id), isOpen);
    for (const [index, node] of nodes.entries()) {
      if (node.op === 'view') this.#view(node);
      else this.#node(node as unknown as Node<Kernels, RecordKernel>, index);
    }
    const leaving = [...outputs.map(({ value }) => value), ...writtenOf(state)];
    for (const id of leaving) this.#use(get(this.#places, id));
    return this.#laid(entering, leaving);
  }

  #laid(entering: readonly ValueId[], leaving: readonly ValueId[]): Placement {
    const own = this.#buffers.filter(({ constant }) => constant === null);
    const arena = layOutRanges(own);
    const offsets = new Map(own.map((buffer, index) => [buffer, arena.offsets_bytes[index] ?? 0]));
    const port = (id: ValueId): PlacedPort => ({ place: get(this.#places, id), bytes: this.#bytes(id) });
    return {
      laidOut: this.#laidOut,
      workers: this.#options.workers,
      steps: this.#steps,
      buffers: this.#buffers.map((buffer) => ({ ...buffer, offset_bytes: offsets.get(buffer) ?? null })),
      inputs: entering.map(port),
      outputs: leaving.map(port),
      arena_bytes: arena.bytes,
    };
  }

  #layout(id: ValueId): Layout {
    return layoutAt(this.#laidOut, id);
  }

  #bytes(id: ValueId): number {
    return layoutBytes(this.#layout(id));
  }

  /** A buffer needed from the step that is about to be written. */
  #buffer(label: string, bytes: number, constant: number | null = null): Place {
    const step = this.#steps.length;
    const buffer = this.#buffers.push({ label, bytes, first: step, last: step, constant }) - 1;
    return { buffer, offset: 0 };
  }

  #use(place: Place): Place {
    const buffer = this.#buffers[place.buffer];
    if (buffer === undefined) throw new RangeError(`buffer ${place.buffer} is not open`);
    buffer.last = Math.max(buffer.last, this.#steps.length);
    return place;
  }

  /** The value whose elements a view shows; any other is its own. */
  #source(id: ValueId): ValueId {
    const source = this.#sources.get(id);
    return source === undefined ? id : this.#source(source);
  }

  #view({ inputs: [input], outputs: [output] }: Node<Kernels>): void {
    if (input == null || output === undefined) throw new RangeError('a view of nothing');
    if (!this.#places.has(output)) this.#places.set(output, get(this.#places, input));
  }

  #node<K extends RecordKernel>(node: Node<Kernels, K>, index: number): void {
    const descriptor = descriptorOf(node.op);
    const call = laidOutCall(this.#laidOut, node);
    const inputs = node.inputs.map((id) => (id === null ? null : this.#use(get(this.#places, id))));
    const outputs = node.outputs.map((id, at) => this.#output(id, at === 0 ? node : null, index, inputs));
    const { temporaryBytes, scratchBytes } = descriptor.workspace(call);
    const temporaries = temporaryBytes.map((bytes) => this.#buffer('temporary', bytes));
    const scratch_bytes = Math.ceil(scratchBytes / 16) * 16;
    const scratch =
      scratch_bytes === 0 ? null : this.#buffer('scratch', scratch_bytes * this.#options.workers);
    // A Node<K> is a RecordNode for every K; the compiler cannot distribute over a type parameter.
    const step = { node, call, inputs, outputs, temporaries, scratch, scratch_bytes };
    this.#steps.push(step as unknown as Step);
  }

  #output<K extends RecordKernel>(
    id: ValueId,
    node: Node<Kernels, K> | null,
    index: number,
    inputs: readonly (Place | null)[],
  ): Place {
    const known = this.#places.get(id);
    const place =
      known ??
      this.#aliased(id) ??
      (node === null ? null : this.#inPlace(id, node, index, inputs)) ??
      this.#owner(id);
    this.#places.set(id, place);
    this.#held.set(place.buffer, [...this.#heldAt(place.buffer, index), id]);
    return this.#use(place);
  }

  /** The value's own buffer. */
  #owner(id: ValueId): Place {
    const open = this.#owners.get(id) ?? this.#buffer(`%${id}`, this.#bytes(id));
    this.#owners.set(id, open);
    return open;
  }

  /** The place in the value that this one is a part of. */
  #aliased(id: ValueId): Place | null {
    const alias = this.#aliases.get(id);
    return alias === undefined ? null : { ...this.#owner(alias.owner), offset: alias.offset };
  }

  /** Values in a buffer that this node or a later one reads. */
  #heldAt(buffer: number, index: number): ValueId[] {
    return (this.#held.get(buffer) ?? []).filter((id) => (this.#lastUses.get(id) ?? -1) >= index);
  }

  /** Whether bytes at the place are another value's, too, and still needed at this node. */
  #isShared({ buffer, offset }: Place, value: ValueId, index: number): boolean {
    const end = offset + this.#bytes(value);
    return this.#heldAt(buffer, index).some((id) => {
      if (id === this.#source(value)) return false;
      const other = get(this.#places, id);
      return other.offset < end && offset < other.offset + this.#bytes(id);
    });
  }

  /** The place of an input that the output may take over: nobody reads it later, and it lies the same. */
  #inPlace<K extends RecordKernel>(
    output: ValueId,
    node: Node<Kernels, K>,
    index: number,
    inputs: readonly (Place | null)[],
  ): Place | null {
    const layout = this.#layout(output);
    for (const at of descriptorOf(node.op).inPlace) {
      const [id, place] = [node.inputs[at], inputs[at]];
      if (id == null || place == null || this.#buffers[place.buffer]?.constant !== null) continue;
      const lies = this.#layout(id);
      const same = sameBytes(lies, layout) && layoutBytes(lies) === layoutBytes(layout);
      const dies = this.#lastUses.get(this.#source(id)) === index;
      if (same && dies && !this.#isShared(place, id, index)) return place;
    }
    return null;
  }
}

/** Places a graph. */
export function place(laidOut: LaidOut, options: PlaceOptions): Placement {
  return new Placer(laidOut, options).run();
}
