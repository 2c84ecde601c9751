/**
 * constants: the part of a laid out graph that parameters alone determine. It is computed once, by a prepare plan for each value that the rest
 * reads, and kept as long as a plan uses it; what stays is the graph that runs.
 */
import { identityMap, isIdentity } from '../ops/element_map.js';
import type { Kernels } from '../ops/kernels.js';
import { type Layout, layoutBytes } from '../ops/layout.js';
import { numel } from '../tensor/shape.js';
import {
  type AnyNode,
  type GraphValue,
  get,
  neededAtEnds,
  type Port,
  type SomeGraph,
  type ValueId,
  valueAt,
} from './graph.js';
import { type LaidOut, layoutAt } from './lay_out.js';
import type { Parameter } from './parameter.js';
import { addValue, makers } from './rewrite.js';

/** A value that is computed once. */
export interface Constant {
  /** In the graph that it was a part of. */
  readonly value: ValueId;
  readonly layout: Layout;
  /** What makes it of parameters, in order; none where it is one of them. */
  readonly nodes: readonly AnyNode<Kernels>[];
  /** Ids of parameters' values. */
  readonly parameters: readonly ValueId[];
}

/** A graph that runs, and its constants. */
export interface Separated {
  readonly running: LaidOut;
  readonly constants: readonly Constant[];
}

/** A result may take so many times the bytes of what it is made of: more is computed in each run, rather than kept. */
const MOST_GROWTH = 2;

/** Parameters behind each value that parameters alone determine. */
function sourcesOf(graph: SomeGraph): Map<ValueId, ReadonlySet<ValueId>> {
  const sources = new Map<ValueId, ReadonlySet<ValueId>>();
  graph.values.forEach(({ parameter }, id) => {
    if (parameter !== undefined) sources.set(id, new Set([id]));
  });
  for (const { inputs, outputs } of graph.nodes) {
    const operands = inputs.filter((id) => id !== null);
    if (operands.length === 0 || !operands.every((id) => sources.has(id))) continue;
    const [only] = operands;
    const behind =
      operands.length === 1 && only !== undefined
        ? get(sources, only)
        : new Set(operands.flatMap((id) => [...get(sources, id)]));
    for (const id of outputs) sources.set(id, behind);
  }
  return sources;
}

/** The nodes that make `value`, in order. @param order of all nodes */
function nodesBehind(
  value: ValueId,
  made: ReadonlyMap<ValueId, AnyNode<Kernels>>,
  order: ReadonlyMap<AnyNode<Kernels>, number>,
): AnyNode<Kernels>[] {
  const found = new Set<AnyNode<Kernels>>();
  const wanted: (ValueId | null)[] = [value];
  while (wanted.length > 0) {
    const id = wanted.pop() ?? null;
    const node = id === null ? undefined : made.get(id);
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    wanted.push(...node.inputs);
  }
  return [...found].sort((a, b) => get(order, a) - get(order, b));
}

/** The graph with outputs that are no constants: those are copied, since a plan gives what lies in its arena. */
function withOwnOutputs(laidOut: LaidOut, isConstant: (id: ValueId) => boolean): LaidOut {
  const { graph } = laidOut;
  const values: GraphValue[] = [...graph.values];
  const layouts = [...laidOut.layouts];
  const nodes = [...graph.nodes];
  const copied = (id: ValueId): ValueId => {
    if (!isConstant(id)) return id;
    const { shape, dtype } = valueAt(graph, id);
    const output = addValue(values, { shape, dtype });
    layouts.push(layoutAt(laidOut, id));
    nodes.push({
      op: 'move',
      name: 'output',
      attributes: identityMap(numel(shape)),
      inputs: [id],
      outputs: [output],
    });
    return output;
  };
  const outputs = graph.outputs.map((port): Port => ({ ...port, value: copied(port.value) }));
  const state = graph.state.map((port) =>
    port.write === undefined ? port : { ...port, write: copied(port.write) },
  );
  return { graph: { ...graph, values, nodes, outputs, state }, layouts };
}

/** Divides the nodes into those that run and those that are computed once. */
class Separation {
  readonly #laidOut: LaidOut;
  readonly #sources: ReadonlyMap<ValueId, ReadonlySet<ValueId>>;
  readonly #made: ReadonlyMap<ValueId, AnyNode<Kernels>>;
  readonly #running = new Set<AnyNode<Kernels>>();

  constructor(laidOut: LaidOut) {
    this.#laidOut = laidOut;
    this.#sources = sourcesOf(laidOut.graph);
    this.#made = makers(laidOut.graph);
  }

  run(): Separated {
    const { graph, layouts } = this.#laidOut;
    const needed = new Set(neededAtEnds(graph));
    for (const node of [...graph.nodes].reverse()) {
      if (!node.outputs.some((id) => needed.has(id) && !this.#isKept(id))) continue;
      for (const id of node.inputs) if (id !== null) needed.add(id);
      this.#running.add(node);
    }
    const nodes = graph.nodes.filter((node) => this.#running.has(node));
    const isConstant = (id: ValueId): boolean => this.#isConstant(id);
    const running = withOwnOutputs({ layouts, graph: { ...graph, nodes } }, isConstant);
    const order = new Map(graph.nodes.map((node, index) => [node, index]));
    const read = running.graph.nodes.flatMap(({ inputs }) => inputs.filter((id) => id !== null));
    const constants = [...new Set(read)].filter(isConstant).map(
      (value): Constant => ({
        value,
        layout: layoutAt(this.#laidOut, value),
        nodes: nodesBehind(value, this.#made, order),
        parameters: [...get(this.#sources, value)],
      }),
    );
    return { running, constants };
  }

  #isConstant(id: ValueId): boolean {
    const node = this.#made.get(id);
    return this.#sources.has(id) && (node === undefined || !this.#running.has(node));
  }

  /**
   * Whether the value is computed once: parameters alone determine it, and it is small or a form that kernels read, whatever lies on the way to it.
   * A view is made where it is read, since it costs nothing.
   */
  #isKept(id: ValueId): boolean {
    const behind = this.#sources.get(id);
    const node = this.#made.get(id);
    if (behind === undefined || node?.op === 'view') return false;
    if (node === undefined || node.op === 'pack') return true;
    const { graph } = this.#laidOut;
    const [x] = node.inputs;
    // Another layout of what is kept.
    if (node.op === 'move' && isIdentity(node.attributes) && x != null && this.#isKept(this.#seen(x)))
      return true;
    const bytes = node.outputs.reduce((sum, output) => sum + layoutBytes(layoutAt(this.#laidOut, output)), 0);
    const sourceBytes = [...behind].reduce((sum, one) => sum + 4 * numel(valueAt(graph, one).shape), 0);
    return bytes <= MOST_GROWTH * sourceBytes;
  }

  /** What a view shows; any other value is its own. */
  #seen(id: ValueId): ValueId {
    const node = this.#made.get(id);
    return node?.op === 'view' && node.inputs[0] != null ? this.#seen(node.inputs[0]) : id;
  }
}

/** Takes the constants out of a laid out graph. */
export function separate(laidOut: LaidOut): Separated {
  return new Separation(laidOut).run();
}

/** A constant's parameters, and their names in messages. */
export function parametersBehind(
  { graph }: LaidOut,
  { parameters }: Constant,
): { readonly name: string; readonly parameter: Parameter }[] {
  return parameters.flatMap((id) => {
    const { parameter, name = 'a parameter' } = valueAt(graph, id);
    return parameter === undefined ? [] : [{ name, parameter }];
  });
}
