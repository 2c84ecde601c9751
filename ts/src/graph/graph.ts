/**
 * The graph: nodes over values, in one of two vocabularies. `Graph<Operators>` says what users mean (graph/operators/), `Graph<Kernels>` what kernels
 * compute (ops/kernels.ts). Plain data; every stage from `trace` to `place` is a pure function of it, and the types keep what is not lowered
 * away from the kernels' stages. Rewrites of either are made of the same tools (rewrite.ts).
 */
import type { Layout } from '../ops/layout.js';
import type { Shape } from '../tensor/shape.js';
import type { Cell } from './cell.js';
import type { Parameter } from './parameter.js';

/** Index into {@link Graph.values}. */
export type ValueId = number;

export interface GraphValue {
  readonly shape: Shape;
  /** uint8 only for pixels at the graph's ends; opaque: constants and moments, whose bytes only kernels know, by sample and channel. */
  readonly dtype: 'float32' | 'uint8' | 'opaque';
  /** Where the value is a parameter's: then no node makes it. */
  readonly parameter?: Parameter;
  /** Of a parameter, for messages and prints: its state-dict key, or the layer and the weight's role. */
  readonly name?: string;
}

/** `T` is the vocabulary: attributes by operator. */
export interface Node<T, K extends keyof T = keyof T> {
  readonly op: K;
  /** Dotted path of the module that made it (`encoder.0`), or the function's name. */
  readonly name: string;
  readonly attributes: T[K];
  /** In the operator's order; null for one that is absent. */
  readonly inputs: readonly (ValueId | null)[];
  readonly outputs: readonly ValueId[];
}

/** A node of any operator, discriminated by `op`. */
export type AnyNode<T> = { [K in keyof T]: Node<T, K> }[keyof T];

/** An end of the graph: where a value comes in or goes out. */
export interface Port {
  readonly value: ValueId;
  /** 'dense': row-major numbers, or pixels, as callers have them. A layout of the kernels' own is for bytes that another plan reads or has left. */
  readonly layout: 'dense' | Layout;
}

/** What the graph reads of a cell, and what it leaves in it. */
export interface StatePort {
  readonly cell: Cell;
  readonly read?: ValueId;
  readonly write?: ValueId;
}

export interface Graph<T> {
  readonly values: readonly GraphValue[];
  readonly inputs: readonly Port[];
  /** In execution order. */
  readonly nodes: readonly AnyNode<T>[];
  readonly outputs: readonly Port[];
  readonly state: readonly StatePort[];
}

/** Any graph, for what looks at its frame only. */
// biome-ignore lint/suspicious/noExplicitAny: every vocabulary.
export type SomeGraph = Graph<any>;

/** Entry of a map that has it. @throws RangeError otherwise: a mistake inside gouache */
export function get<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`value ${String(key)} is used before it is made`);
  return value;
}

/** @throws RangeError where there is none: a mistake inside gouache */
export function valueAt(graph: Pick<SomeGraph, 'values'>, id: ValueId): GraphValue {
  const value = graph.values[id];
  if (value === undefined) throw new RangeError(`value ${id} is not in the graph`);
  return value;
}

/** Logical shapes of a node's operands. */
export function shapesOf<T>(
  graph: Pick<Graph<T>, 'values'>,
  node: Pick<Node<T>, 'inputs' | 'outputs'>,
): { readonly inputs: readonly (Shape | null)[]; readonly outputs: readonly Shape[] } {
  return {
    inputs: node.inputs.map((id) => (id === null ? null : valueAt(graph, id).shape)),
    outputs: node.outputs.map((id) => valueAt(graph, id).shape),
  };
}

/** Parameters that the graph reads, each once. */
export function parametersOf(graph: SomeGraph): ReadonlySet<Parameter> {
  return new Set(graph.values.flatMap(({ parameter }) => (parameter === undefined ? [] : [parameter])));
}

/** Values that parameters alone determine. */
export function constantsOf(graph: SomeGraph): ReadonlySet<ValueId> {
  const constants = new Set<ValueId>();
  graph.values.forEach(({ parameter }, id) => {
    if (parameter !== undefined) constants.add(id);
  });
  for (const { inputs, outputs } of graph.nodes) {
    if (inputs.length === 0 || !inputs.every((id) => id === null || constants.has(id))) continue;
    for (const id of outputs) constants.add(id);
  }
  return constants;
}

/** What is read of cells. */
export function readOf(state: readonly StatePort[]): ValueId[] {
  return state.flatMap(({ read }) => (read === undefined ? [] : [read]));
}

/** What is left in cells. */
export function writtenOf(state: readonly StatePort[]): ValueId[] {
  return state.flatMap(({ write }) => (write === undefined ? [] : [write]));
}

/** The same cells with other values. */
export function mapState(
  state: readonly StatePort[],
  read: (id: ValueId) => ValueId,
  write: (id: ValueId) => ValueId = read,
): StatePort[] {
  return state.map((port) => ({
    cell: port.cell,
    ...(port.read === undefined ? {} : { read: read(port.read) }),
    ...(port.write === undefined ? {} : { write: write(port.write) }),
  }));
}

/** Values that the graph's ends, state included, need. */
export function neededAtEnds({ outputs, state }: SomeGraph): ValueId[] {
  return [...outputs.map(({ value }) => value), ...writtenOf(state)];
}

/** The graph without nodes that no output and no cell needs. */
export function dropUnread<T>(graph: Graph<T>): Graph<T> {
  const read = new Set<ValueId>(neededAtEnds(graph));
  const nodes: AnyNode<T>[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((id) => read.has(id))) continue;
    for (const id of node.inputs) if (id !== null) read.add(id);
    nodes.push(node);
  }
  return { ...graph, nodes: nodes.reverse() };
}

/** The graph without nodes and values that no output and no cell needs; ids are renumbered. */
export function dropDead<T>(whole: Graph<T>): Graph<T> {
  const graph = dropUnread(whole);
  const alive = new Set<ValueId>(neededAtEnds(graph));
  for (const { inputs, outputs } of graph.nodes)
    for (const id of [...inputs, ...outputs]) if (id !== null) alive.add(id);
  for (const { value } of graph.inputs) alive.add(value);
  for (const id of readOf(graph.state)) alive.add(id);
  const renamed = new Map<ValueId, ValueId>();
  const values = graph.values.filter((_, id) => {
    if (alive.has(id)) renamed.set(id, renamed.size);
    return alive.has(id);
  });
  const rename = (id: ValueId): ValueId => get(renamed, id);
  const port = (one: Port): Port => ({ ...one, value: rename(one.value) });
  return {
    values,
    inputs: graph.inputs.map(port),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((id) => (id === null ? null : rename(id))),
      outputs: node.outputs.map(rename),
    })),
    outputs: graph.outputs.map(port),
    state: mapState(graph.state, rename),
  };
}
