/**
 * place: decides how every value lies in memory, puts reorders where layouts disagree, and lays all storage out in one arena. Pure and printable.
 * Views cost nothing: a view shares its source's storage. Parameters used as values lie packed among the weights, in the layout their user wants.
 */

import type { OpDescriptor, PlacedShapes, WeightPacking } from '../ops/descriptor.js';
import { descriptors, type RecordOpName } from '../ops/index.js';
import { blocked, type Layout, layoutBytes, planar, sameBytes } from '../ops/layout.js';
import { runningPacking } from '../ops/normalize.js';
import { valuePacking } from '../ops/reorder.js';
import { canonicalDims, numel } from '../tensor/shape.js';
import { type LiveRange, layOut } from './arena.js';
import type { AnyNode, Dims, Graph, Node, ValueId } from './ir.js';
import type { Parameter } from './parameter.js';

/** Where bytes lie: a buffer of the arena, or a packed constant among the weights. */
export type Place = { readonly buffer: number } | { readonly constant: number };

export interface PlacedBuffer extends LiveRange {
  /** What it holds, for prints: `%3`, `temporary`, `scratch`. */
  readonly label: string;
  readonly offset_bytes: number;
}

/** A value made of parameters alone: one of them under a factoring, or stored statistics. */
export interface PlacedConstant {
  readonly packing: WeightPacking;
  /** In the packing's order; names are for messages. */
  readonly sources: readonly { readonly name: string; readonly parameter: Parameter }[];
}

/** A node that becomes records. */
export type RecordNode = { [K in RecordOpName]: Node<K> }[RecordOpName];

export type Step =
  | {
      readonly kind: 'op';
      readonly node: RecordNode;
      readonly shapes: PlacedShapes;
      readonly inputs: readonly Place[];
      readonly output: Place;
      readonly moments: Place | null;
      readonly temporaries: readonly number[];
      readonly scratch: number | null;
      readonly scratch_bytes: number;
    }
  | {
      readonly kind: 'reorder';
      readonly value: ValueId;
      readonly from: Layout;
      readonly to: Layout;
      readonly input: Place;
      readonly output: Place;
    };

export interface Placement {
  readonly graph: Graph;
  readonly workers: number;
  readonly steps: readonly Step[];
  readonly buffers: readonly PlacedBuffer[];
  readonly constants: readonly PlacedConstant[];
  /** Buffer of each graph input and output, and the bytes that the host copies. */
  readonly inputs: readonly { readonly buffer: number; readonly bytes: number }[];
  readonly outputs: readonly { readonly buffer: number; readonly bytes: number }[];
  readonly arena_bytes: number;
}

interface OpenBuffer {
  readonly label: string;
  readonly bytes: number;
  readonly first: number;
  last: number;
}

/** One stored copy of a value. */
interface Form {
  readonly layout: Layout;
  readonly place: Place;
}

/** What a value and its views share. */
interface Storage {
  readonly value: ValueId;
  readonly parameter: Parameter | null;
  /** Of the node that makes it, for messages. */
  readonly name: string;
  readonly forms: Form[];
  /** Index of the last node that reads it; infinite for outputs. */
  lastUse: number;
}

/** The descriptor of a node's op, with the node's own type. */
function descriptorOf<K extends RecordOpName>(node: Node<K>): OpDescriptor<K> {
  return descriptors[node.op] as OpDescriptor<K>;
}

function storagesOf(graph: Graph): Map<ValueId, Storage> {
  const storages = new Map<ValueId, Storage>();
  const open = (value: ValueId, parameter: Parameter | null, name: string): void => {
    storages.set(value, { value, parameter, name, forms: [], lastUse: -1 });
  };
  for (const input of graph.inputs) open(input, null, 'input');
  graph.nodes.forEach((node, index) => {
    const sources = node.inputs.map((input) => get(storages, input));
    const [source] = sources;
    if (node.op === 'view' && source !== undefined) storages.set(node.output, source);
    else {
      for (const storage of sources) storage.lastUse = index;
      open(node.output, node.op === 'parameter' ? (node.weights.value ?? null) : null, node.name);
      if (node.moments !== undefined) open(node.moments, null, node.name);
    }
  });
  for (const output of graph.outputs) get(storages, output).lastUse = Number.POSITIVE_INFINITY;
  return storages;
}

function get<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`value ${String(key)} is used before it is made`);
  return value;
}

class Placer {
  readonly #graph: Graph;
  readonly #workers: number;
  readonly #storages: Map<ValueId, Storage>;
  readonly #buffers: OpenBuffer[] = [];
  readonly #constants: PlacedConstant[] = [];
  readonly #steps: Step[] = [];

  constructor(graph: Graph, workers: number) {
    this.#graph = graph;
    this.#workers = workers;
    this.#storages = storagesOf(graph);
  }

  run(): Placement {
    const inputs = this.#graph.inputs.map((id) => this.#input(id));
    this.#graph.nodes.forEach((node, index) => {
      if (node.op === 'running_constants') this.#running(node as Node<'running_constants'>);
      else if (node.op !== 'parameter' && node.op !== 'view') this.#node(node, index);
    });
    const outputs = this.#graph.outputs.map((id) => this.#output(id));
    for (const { buffer } of outputs) this.#open(buffer).last = this.#steps.length;
    const arena = layOut(this.#buffers);
    return {
      graph: this.#graph,
      workers: this.#workers,
      steps: this.#steps,
      buffers: this.#buffers.map((buffer, index) => ({
        ...buffer,
        offset_bytes: arena.offsets_bytes[index] ?? 0,
      })),
      constants: this.#constants,
      inputs,
      outputs,
      arena_bytes: arena.bytes,
    };
  }

  #shape(id: ValueId): readonly number[] {
    const value = this.#graph.values[id];
    if (value === undefined) throw new RangeError(`value ${id} is not in the graph`);
    return value.shape;
  }

  #open(index: number): OpenBuffer {
    const buffer = this.#buffers[index];
    if (buffer === undefined) throw new RangeError(`buffer ${index} is not open`);
    return buffer;
  }

  /** A buffer needed from the step that is about to be written. */
  #buffer(label: string, bytes: number): number {
    const step = this.#steps.length;
    return this.#buffers.push({ label, bytes, first: step, last: step }) - 1;
  }

  #use(place: Place): Place {
    if ('buffer' in place) {
      const buffer = this.#open(place.buffer);
      buffer.last = Math.max(buffer.last, this.#steps.length);
    }
    return place;
  }

  #input(id: ValueId): { buffer: number; bytes: number } {
    const raw = this.#graph.values[id]?.dtype === 'uint8';
    const layout: Layout = raw ? { kind: 'raw', bytes: numel(this.#shape(id)) } : planar(this.#shape(id));
    const bytes = layoutBytes(layout);
    const buffer = this.#buffer(`input %${id}`, bytes);
    get(this.#storages, id).forms.push({ layout, place: { buffer } });
    return { buffer, bytes };
  }

  #output(id: ValueId): { buffer: number; bytes: number } {
    const raw = this.#graph.values[id]?.dtype === 'uint8';
    const layout: Layout = raw ? { kind: 'raw', bytes: numel(this.#shape(id)) } : planar(this.#shape(id));
    const place = this.#require(id, layout);
    if (!('buffer' in place)) throw new RangeError(`output ${id} lies among the weights`);
    return { buffer: place.buffer, bytes: layoutBytes(layout) };
  }

  /** A place where the value lies in `layout`: one that exists, a packed constant, or the result of a new reorder. */
  #require(id: ValueId, layout: Layout): Place {
    const storage = get(this.#storages, id);
    const known = storage.forms.find((form) => sameBytes(form.layout, layout));
    if (known !== undefined) return known.place;
    if (storage.parameter !== null && layout.kind === 'blocked')
      return this.#constant(storage, storage.parameter, layout.dims).place;
    const source =
      storage.forms[0] ??
      (storage.parameter === null
        ? undefined
        : this.#constant(storage, storage.parameter, canonicalDims(this.#shape(id))));
    if (source === undefined || source.layout.kind === 'raw' || layout.kind === 'raw') {
      throw new RangeError(`value ${id} cannot lie as ${layout.kind}`);
    }
    const output: Place = { buffer: this.#buffer(`%${storage.value}`, layoutBytes(layout)) };
    const input = this.#use(source.place);
    this.#steps.push({
      kind: 'reorder',
      value: storage.value,
      from: source.layout,
      to: layout,
      input,
      output,
    });
    storage.forms.push({ layout, place: output });
    return output;
  }

  #constant(storage: Storage, parameter: Parameter, dims: Dims): Form {
    const sources = [{ name: storage.name, parameter }];
    const place = { constant: this.#constants.push({ packing: valuePacking(dims), sources }) - 1 };
    const form: Form = { layout: blocked(dims), place };
    storage.forms.push(form);
    return form;
  }

  /** Stored statistics: packed like a weight. */
  #running(node: Node<'running_constants'>): void {
    const packing = runningPacking(node.attributes, node.weights);
    const sources = packing.from.map((role) => {
      const parameter = get(new Map(Object.entries(node.weights)), role);
      return { name: `${node.name}.${parameter.key ?? role}`, parameter };
    });
    const place = { constant: this.#constants.push({ packing, sources }) - 1 };
    const layout: Layout = { kind: 'raw', bytes: packing.bytes };
    get(this.#storages, node.output).forms.push({ layout, place });
  }

  /** How a value of bytes lies: pixels, or what its maker has left. */
  #raw(id: ValueId): Layout {
    if (this.#graph.values[id]?.dtype === 'uint8') return { kind: 'raw', bytes: numel(this.#shape(id)) };
    const [form] = get(this.#storages, id).forms;
    if (form === undefined) throw new RangeError(`opaque value ${id} is used before it is made`);
    return form.layout;
  }

  /** Room for bytes that only kernels know: an opaque output, or moments. */
  #opaque<K extends RecordOpName>(id: ValueId, node: Node<K>, shapes: PlacedShapes): Place {
    const bytes = descriptorOf(node).opaqueBytes?.(node, shapes);
    if (bytes === undefined) throw new RangeError(`${node.op} makes nothing opaque`);
    const place: Place = { buffer: this.#buffer(`opaque %${id}`, bytes) };
    get(this.#storages, id).forms.push({ layout: { kind: 'raw', bytes }, place });
    return place;
  }

  #node<K extends RecordOpName>(node: Node<K>, index: number): void {
    const descriptor = descriptorOf(node);
    const plain = { inputs: node.inputs.map((id) => this.#shape(id)), output: this.#shape(node.output) };
    const current = node.inputs.map((id) => this.#currentDims(id));
    const allDims = descriptor.dims(node, plain, current);
    const layouts = node.inputs.map((id, at) => {
      const dims = allDims.inputs[at] ?? null;
      return dims === null ? this.#raw(id) : blocked(dims);
    });
    const shapes: PlacedShapes = { ...plain, dims: allDims, inputBytes: layouts.map(layoutBytes) };
    const inputs = node.inputs.map((id, at) => this.#require(id, layouts[at] ?? this.#raw(id)));
    for (const place of inputs) this.#use(place);
    const output = this.#outputPlace(node, index, inputs, shapes);
    const moments = node.moments === undefined ? null : this.#opaque(node.moments, node, shapes);
    const { temporaryBytes, scratchBytes } = descriptor.workspace(node, shapes);
    const temporaries = temporaryBytes.map((bytes) => this.#buffer('temporary', bytes));
    const scratch_bytes = Math.ceil(scratchBytes / 16) * 16;
    const scratch = scratch_bytes === 0 ? null : this.#buffer('scratch', scratch_bytes * this.#workers);
    this.#use(output);
    // A Node<K> is a RecordNode for every K; the compiler cannot distribute over a type parameter.
    const step = {
      kind: 'op',
      node: node as unknown as RecordNode,
      shapes,
      inputs,
      output,
      moments,
      temporaries,
      scratch,
      scratch_bytes,
    } as const;
    this.#steps.push(step);
  }

  #outputPlace<K extends RecordOpName>(
    node: Node<K>,
    index: number,
    inputs: readonly Place[],
    shapes: PlacedShapes,
  ): Place {
    if (this.#graph.values[node.output]?.dtype === 'opaque') return this.#opaque(node.output, node, shapes);
    const dims = shapes.dims.output;
    const layout: Layout = dims === null ? { kind: 'raw', bytes: numel(shapes.output) } : blocked(dims);
    const place = this.#inPlace(node, index, inputs, shapes, descriptorOf(node).inPlace) ?? {
      buffer: this.#buffer(`%${node.output}`, layoutBytes(layout)),
    };
    get(this.#storages, node.output).forms.push({ layout, place });
    return place;
  }

  /** The factoring a value lies in; null when it is not blocked yet. A parameter lies as its user wants. */
  #currentDims(id: ValueId): Dims | null {
    for (const { layout } of get(this.#storages, id).forms) if (layout.kind === 'blocked') return layout.dims;
    return null;
  }

  /** The input whose storage the output may take over: nobody reads it later, and it has the output's size and layout. */
  #inPlace(
    node: Pick<AnyNode, 'inputs' | 'output'>,
    index: number,
    places: readonly Place[],
    shapes: PlacedShapes,
    candidates: readonly number[],
  ): Place | null {
    for (const at of candidates) {
      const [id, place, dims] = [node.inputs[at], places[at], shapes.dims.inputs[at]];
      if (id === undefined || place === undefined || !('buffer' in place)) continue;
      const same = dims?.every((size, axis) => size === shapes.dims.output?.[axis]) ?? false;
      if (same && get(this.#storages, id).lastUse === index) return place;
    }
    return null;
  }
}

/** Places a graph for `workers` workers. */
export function place(graph: Graph, options: { readonly workers: number }): Placement {
  return new Placer(graph, options.workers).run();
}
