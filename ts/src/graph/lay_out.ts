/**
 * layOut: in which layout every value lies, and where elements move from one to another. Kernels say which layouts they take (ops/); between two that
 * disagree stands a `move`, and before a kernel that reads weights in a form of its own a `pack`. A view costs nothing: it is the same elements in
 * the same order. A move that was asked for (permute, slice) is made once its reader's layout is known, so that it and the reorder are one pass.
 */
import type { Call, LaidOutCall } from '../ops/descriptor.js';
import { composed, identityMap, isIdentity, isMovable } from '../ops/element_map.js';
import { descriptorOf, type RecordKernel } from '../ops/index.js';
import type { ElementMap, Kernels } from '../ops/kernels.js';
import { dense, type Layout, packed, printLayout, raw, sameBytes } from '../ops/layout.js';
import { freshLayout } from '../ops/pointwise_layouts.js';
import { numel, type Shape, sameShape } from '../tensor/shape.js';
import {
  type AnyNode,
  type Graph,
  type GraphValue,
  get,
  mapState,
  type Node,
  type Port,
  shapesOf,
  type ValueId,
  valueAt,
} from './graph.js';

/** A graph whose values have one layout each. What lies in two layouts is two values. */
export interface LaidOut {
  readonly graph: Graph<Kernels>;
  /** By value. */
  readonly layouts: readonly Layout[];
}

/** @throws RangeError where the value has none: a mistake inside gouache */
export function layoutAt({ layouts }: Pick<LaidOut, 'layouts'>, id: ValueId): Layout {
  const layout = layouts[id];
  if (layout === undefined) throw new RangeError(`value ${id} has no layout`);
  return layout;
}

/** A call of a node in a laid out graph. */
export function laidOutCall<K extends RecordKernel>(
  laidOut: LaidOut,
  node: Node<Kernels, K>,
): LaidOutCall<K> {
  const at = (id: ValueId): Layout => layoutAt(laidOut, id);
  return {
    attributes: node.attributes,
    ...shapesOf(laidOut.graph, node),
    layouts: {
      inputs: node.inputs.map((id) => (id === null ? null : at(id))),
      outputs: node.outputs.map(at),
    },
  };
}

/** One stored copy of a value's elements. */
interface Form {
  readonly layout: Layout;
  readonly value: ValueId;
}

/** The elements that a value and its views share. */
interface Elements {
  /** Of whoever makes them, for prints. */
  readonly name: string;
  readonly shape: Shape;
  readonly forms: Form[];
  /** Where they are another's, moved, and no form has been asked for yet. */
  readonly moved: Moved | null;
}

interface Moved {
  readonly from: Elements;
  readonly map: ElementMap;
}

class LayOut {
  readonly #source: Graph<Kernels>;
  readonly #values: GraphValue[] = [];
  readonly #layouts: Layout[] = [];
  readonly #nodes: AnyNode<Kernels>[] = [];
  readonly #elements = new Map<ValueId, Elements>();
  /** Views that have been written, by their source, shape and layout. */
  readonly #views = new Map<string, ValueId>();

  constructor(source: Graph<Kernels>) {
    this.#source = source;
  }

  run(): LaidOut {
    const made = new Set(this.#source.nodes.flatMap(({ outputs }) => outputs));
    const entering = new Map(this.#source.inputs.map(({ value, layout }) => [value, layout]));
    this.#source.values.forEach((value, id) => {
      if (!made.has(id)) this.#open(id, value, entering.get(id) ?? 'dense');
    });
    for (const node of this.#source.nodes) this.#node(node);
    const inputs = this.#source.inputs.map((port) => ({ ...port, value: this.#first(port.value) }));
    const outputs = this.#source.outputs.map((port) => this.#output(port));
    const state = mapState(
      this.#source.state,
      (id) => this.#first(id),
      (id) => this.#output({ value: id, layout: 'dense' }).value,
    );
    return {
      graph: { values: this.#values, inputs, nodes: this.#nodes, outputs, state },
      layouts: this.#layouts,
    };
  }

  #value(value: GraphValue, layout: Layout): ValueId {
    this.#layouts.push(layout);
    return this.#values.push(value) - 1;
  }

  /** A value that comes in. */
  #open(id: ValueId, value: GraphValue, as: Port['layout']): void {
    const { shape, dtype, name = 'input' } = value;
    const layout = as !== 'dense' ? as : dtype === 'uint8' ? raw(numel(shape)) : dense(shape);
    const forms = [{ layout, value: this.#value(value, layout) }];
    this.#elements.set(id, { name, shape, forms, moved: null });
  }

  #first(id: ValueId): ValueId {
    const [form] = get(this.#elements, id).forms;
    if (form === undefined) throw new RangeError(`value ${id} lies nowhere`);
    return form.value;
  }

  #output({ value, layout }: Port): Port {
    const { dtype, shape } = valueAt(this.#source, value);
    // Pixels and opaque values lie in one way.
    if (dtype !== 'float32') return { value: this.#first(value), layout };
    const wanted = layout === 'dense' ? dense(shape) : layout;
    return { value: this.#require(get(this.#elements, value), wanted), layout };
  }

  #append<K extends keyof Kernels>(
    node: Omit<Node<Kernels, K>, 'outputs'>,
    outputs: readonly ValueId[],
  ): void {
    // A Node<K> is an AnyNode for every K; the compiler cannot distribute over a type parameter.
    this.#nodes.push({ ...node, outputs } as unknown as AnyNode<Kernels>);
  }

  #node(node: AnyNode<Kernels>): void {
    if (node.op === 'view' || node.op === 'move') {
      const [from] = node.inputs.map((id) => get(this.#elements, id ?? -1));
      const [output] = node.outputs;
      if (from === undefined || output === undefined) throw new RangeError(`${node.op} has no operand`);
      const { shape } = valueAt(this.#source, output);
      const elements =
        node.op === 'view' ? from : this.#moved({ name: node.name, shape }, { from, map: node.attributes });
      this.#elements.set(output, elements);
    } else this.#record(node as unknown as Node<Kernels, RecordKernel>);
  }

  /** Moved elements, of elements that are not moved themselves where one map says both moves; those as they were where the moves cancel. */
  #moved({ name, shape }: Pick<Elements, 'name' | 'shape'>, { from, map }: Moved): Elements {
    const both = from.moved && composed(map, from.moved.map, numel(from.shape));
    const moved =
      from.moved !== null && both !== null && isMovable(both, dense(from.moved.from.shape), dense(shape))
        ? { from: from.moved.from, map: both }
        : { from, map };
    const cancels = isIdentity(moved.map) && numel(moved.from.shape) === numel(shape);
    return cancels ? moved.from : { name, shape, forms: [], moved };
  }

  #record<K extends RecordKernel>(node: Node<Kernels, K>): void {
    const call: Call<K> = { attributes: node.attributes, ...shapesOf(this.#source, node) };
    const operands = node.inputs.map((id) => (id === null ? null : get(this.#elements, id)));
    const layouts = descriptorOf(node.op).layouts(
      call,
      operands.map((one) => this.#current(one)),
    );
    const inputs = operands.map((elements, at) => {
      if (elements === null) return null;
      const layout = layouts.inputs[at] ?? elements.forms[0]?.layout;
      if (layout === undefined) throw new RangeError(`${node.op} takes no input ${at}`);
      return this.#seen(this.#require(elements, layout), call.inputs[at] ?? [], layout);
    });
    const outputs = node.outputs.map((id, at) => {
      const layout = layouts.outputs[at];
      if (layout === undefined) throw new RangeError(`${node.op} makes no output ${at}`);
      const value = valueAt(this.#source, id);
      const form = { layout, value: this.#value(value, layout) };
      this.#elements.set(id, { name: node.name, shape: value.shape, forms: [form], moved: null });
      return form.value;
    });
    this.#append({ op: node.op, name: node.name, attributes: node.attributes, inputs }, outputs);
  }

  /** The value as a node wants to see it: the same bytes, which its maker may call by another shape, or factor otherwise. */
  #seen(value: ValueId, shape: Shape, layout: Layout): ValueId {
    const source = this.#values[value];
    const lies = this.#layouts[value];
    if (source === undefined || lies === undefined) throw new RangeError(`value ${value} is not laid out`);
    const told = printLayout(layout);
    if (sameShape(source.shape, shape) && printLayout(lies) === told) return value;
    const key = `${value}:${shape.join('x')}:${told}`;
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = this.#value({ shape, dtype: source.dtype }, layout);
    this.#append({ op: 'view', name: 'view', attributes: {}, inputs: [value] }, [view]);
    this.#views.set(key, view);
    return view;
  }

  /** How elements lie: blocked where they do, since kernels that want that made them, and will read them. */
  #current(elements: Elements | null): Layout | null {
    const forms = elements?.forms ?? [];
    return (forms.find(({ layout }) => layout.kind === 'blocked') ?? forms[0])?.layout ?? null;
  }

  /** The value under which the elements lie in `layout`: one that exists, or a new node's. */
  #require(elements: Elements, layout: Layout): ValueId {
    const known = elements.forms.find((form) => sameBytes(form.layout, layout));
    if (known !== undefined) return known.value;
    const value =
      layout.kind === 'packed' ? this.#pack(elements, layout.packing) : this.#move(elements, layout);
    elements.forms.push({ layout, value });
    return value;
  }

  #pack(elements: Elements, packing: Kernels['pack']['packing']): ValueId {
    const { name, shape } = elements;
    const source = this.#require(elements, dense(shape));
    const output = this.#value({ shape, dtype: 'float32' }, packed(packing));
    this.#append({ op: 'pack', name, attributes: { packing }, inputs: [source] }, [output]);
    return output;
  }

  #move(elements: Elements, to: Layout): ValueId {
    const { name, shape } = elements;
    const { from, map } = this.#origin(elements);
    const form = from.forms.find(({ layout }) => isMovable(map, layout, to));
    // What no strided map says goes by way of dense elements: they are made from every layout, and every layout from them.
    const byDense = form === undefined && to.kind !== 'dense';
    const told = byDense ? identityMap(numel(shape)) : map;
    const source =
      form?.value ??
      (byDense ? this.#require(elements, dense(shape)) : this.#require(from, dense(from.shape)));
    const output = this.#value({ shape, dtype: 'float32' }, to);
    this.#append({ op: 'move', name, attributes: told, inputs: [source] }, [output]);
    return output;
  }

  /** Whose forms the elements are made of, by which map. */
  #origin(elements: Elements): Moved {
    const { forms, moved, shape } = elements;
    if (moved === null || forms.length > 0) return { from: elements, map: identityMap(numel(shape)) };
    if (moved.from.forms.length === 0) this.#require(moved.from, freshLayout(moved.from.shape));
    return moved;
  }
}

/** Lays a graph out. */
export function layOut(graph: Graph<Kernels>): LaidOut {
  return new LayOut(graph).run();
}
