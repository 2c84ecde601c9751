/** What rewrites of a graph, of either vocabulary, are made of. */
import { type AnyNode, type Graph, type GraphValue, type Node, neededAtEnds, type ValueId } from './graph.js';

/** A rewrite: the same graph object when there is nothing to do. */
export interface Rewrite<T> {
  readonly name: string;
  /** One line, for docs and prints. */
  readonly about: string;
  apply(graph: Graph<T>): Graph<T>;
}

/** Readers of each value; the graph's ends count as one more each. */
export function useCounts<T>(graph: Graph<T>): Map<ValueId, number> {
  const counts = new Map<ValueId, number>();
  const count = (id: ValueId | null): void => {
    if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  for (const node of graph.nodes) node.inputs.forEach(count);
  neededAtEnds(graph).forEach(count);
  return counts;
}

/** Nodes by what they make. */
export function makers<T>(graph: Graph<T>): Map<ValueId, AnyNode<T>> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
}

/** Adds a value. */
export function addValue(values: GraphValue[], value: GraphValue): ValueId {
  return values.push(value) - 1;
}

/** Whether the node is of one of these operators. */
export function isOneOf<T, K extends keyof T>(
  node: AnyNode<T>,
  ops: readonly K[],
): node is AnyNode<T> & Node<T, K> {
  return (ops as readonly (keyof T)[]).includes(node.op);
}

/** A producer of one output and the only reader of it. `merge` gives the node that does both, at the reader's place, or null. */
export function mergePairs<T, P extends keyof T, R extends keyof T>(
  graph: Graph<T>,
  producers: readonly P[],
  readers: readonly R[],
  merge: (producer: Node<T, P>, reader: Node<T, R>) => AnyNode<T> | null,
): Graph<T> {
  const counts = useCounts(graph);
  const made = makers(graph);
  const gone = new Set<AnyNode<T>>();
  const nodes = graph.nodes.map((reader) => {
    if (!isOneOf(reader, readers)) return reader;
    for (const input of new Set(reader.inputs)) {
      const producer = input === null ? undefined : made.get(input);
      if (input === null || producer === undefined || gone.has(producer)) continue;
      if (counts.get(input) !== 1 || producer.outputs.length !== 1) continue;
      if (!isOneOf(producer, producers)) continue;
      const merged = merge(producer, reader);
      if (merged === null) continue;
      gone.add(producer);
      for (const id of merged.outputs) made.set(id, merged);
      return merged;
    }
    return reader;
  });
  return gone.size === 0 ? graph : { ...graph, nodes: nodes.filter((node) => !gone.has(node)) };
}

/** Applies the rewrites until none changes anything. */
export function untilNothingChanges<T>(graph: Graph<T>, rewrites: readonly Rewrite<T>[]): Graph<T> {
  for (let current = graph; ; ) {
    const next = rewrites.reduce((before, rewrite) => rewrite.apply(before), current);
    if (next === current) return current;
    current = next;
  }
}
