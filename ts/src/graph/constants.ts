/**
 * constants: the part of a laid out graph that parameters alone determine. It is computed once, by a prepare plan for each value that the rest
 * reads, and kept as long as a plan uses it; what stays is the graph that runs.
 */
import { identityMap, isIdentity } from '../ops/element_map.js';
import type { Kernels } from '../ops/kernels.js';
import { type Layout, layoutBytes } from '../ops/layout.js';
import { numel } from '../tensor/shape.js';
import { type AnyNode, type GraphValue, neededAtEnds, type Port, type ValueId, valueAt } from './graph.js';
import type { LaidOut } from './lay_out.js';
import type { Parameter } from './parameter.js';
import { makers } from './rewrite.js';

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

/** Forms that kernels read are kept whatever they take. */
function isForm(node: AnyNode<Kernels>): boolean {
  return node.op === 'pack' || node.op === 'view' || (node.op === 'move' && isIdentity(node.attributes));
}

/** Parameters behind each value that is worth computing once. */
function foldable({ graph, layouts }: LaidOut): Map<ValueId, ReadonlySet<ValueId>> {
  const sources = new Map<ValueId, ReadonlySet<ValueId>>();
  graph.values.forEach(({ parameter }, id) => {
    if (parameter !== undefined) sources.set(id, new Set([id]));
  });
  for (const node of graph.nodes) {
    const operands = node.inputs.filter((id) => id !== null);
    if (operands.length === 0 || !operands.every((id) => sources.has(id))) continue;
    const [only] = operands;
    const behind =
      operands.length === 1 && only !== undefined
        ? (sources.get(only) ?? new Set())
        : new Set(operands.flatMap((id) => [...(sources.get(id) ?? [])]));
    const bytes = node.outputs.reduce((sum, id) => sum + bytesOf(layouts, id), 0);
    const sourceBytes = [...behind].reduce((sum, id) => sum + 4 * numel(valueAt(graph, id).shape), 0);
    if (isForm(node) || bytes <= MOST_GROWTH * sourceBytes)
      for (const id of node.outputs) sources.set(id, behind);
  }
  return sources;
}

function bytesOf(layouts: readonly Layout[], id: ValueId): number {
  const layout = layouts[id];
  return layout === undefined ? 0 : layoutBytes(layout);
}

/** The nodes that make `value`, in order. */
function behind(value: ValueId, made: ReadonlyMap<ValueId, AnyNode<Kernels>>): AnyNode<Kernels>[] {
  const found = new Set<AnyNode<Kernels>>();
  const visit = (id: ValueId): void => {
    const node = made.get(id);
    if (node === undefined || found.has(node)) return;
    for (const input of node.inputs) if (input !== null) visit(input);
    found.add(node);
  };
  visit(value);
  return [...found];
}

/** The graph with outputs that are no constants: those are copied, since a plan gives what lies in its arena. */
function withOwnOutputs(laidOut: LaidOut, constants: ReadonlyMap<ValueId, unknown>): LaidOut {
  const { graph } = laidOut;
  if (!neededAtEnds(graph).some((id) => constants.has(id))) return laidOut;
  const values: GraphValue[] = [...graph.values];
  const layouts = [...laidOut.layouts];
  const nodes = [...graph.nodes];
  const copied = (id: ValueId): ValueId => {
    const layout = layouts[id];
    if (!constants.has(id) || layout === undefined) return id;
    const { shape, dtype } = valueAt(graph, id);
    const output = values.push({ shape, dtype }) - 1;
    layouts.push(layout);
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

/** Nodes that are not computed once. Views of constants are among them where such a node reads them: they cost nothing, and are nowhere else. */
function whatRuns({ graph }: LaidOut, constants: ReadonlyMap<ValueId, unknown>): AnyNode<Kernels>[] {
  const needed = new Set(neededAtEnds(graph));
  const nodes: AnyNode<Kernels>[] = [];
  for (const node of [...graph.nodes].reverse()) {
    const isConstant = node.outputs.every((id) => constants.has(id));
    if (isConstant && (node.op !== 'view' || !node.outputs.some((id) => needed.has(id)))) continue;
    for (const id of node.inputs) if (id !== null) needed.add(id);
    nodes.push(node);
  }
  return nodes.reverse();
}

/** Takes the constants out of a laid out graph. */
export function separate(laidOut: LaidOut): Separated {
  const sources = foldable(laidOut);
  const made = makers(laidOut.graph);
  const running = withOwnOutputs(laidOut, sources);
  const nodes = whatRuns(running, sources);
  const ran = new Set(nodes.flatMap(({ outputs }) => outputs));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs.filter((id) => id !== null)));
  const constants = [...read].flatMap((value): Constant[] => {
    const layout = laidOut.layouts[value];
    if (layout === undefined || ran.has(value) || !sources.has(value)) return [];
    const parameters = [...(sources.get(value) ?? [])];
    return [{ value, layout, nodes: behind(value, made), parameters }];
  });
  return { running: { ...running, graph: { ...running.graph, nodes } }, constants };
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
