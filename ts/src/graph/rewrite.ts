/** What rewrites of a graph (fuse.ts, fuse_normalize.ts) are, and what they share. */
import type { AnyNode, Graph, Node, OpName, ValueId } from './ir.js';

/** A rewrite: the same graph object when there is nothing to do. */
export interface Rewrite {
  readonly name: string;
  /** One line, for docs and prints. */
  readonly about: string;
  apply(graph: Graph): Graph;
}

/** Readers of each value; graph outputs count as one more. */
export function useCounts(graph: Graph): Map<ValueId, number> {
  const counts = new Map<ValueId, number>();
  const count = (id: ValueId): void => {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  for (const node of graph.nodes) node.inputs.forEach(count);
  graph.outputs.forEach(count);
  return counts;
}

/** A producer and the only reader of its output. `merge` gives the node that does both, at the reader's place, or null. */
export function mergePairs<P extends OpName, R extends OpName>(
  graph: Graph,
  producers: readonly P[],
  readers: readonly R[],
  merge: (producer: Node<P>, reader: Node<R>) => AnyNode | null,
): Graph {
  const counts = useCounts(graph);
  const made = new Map<ValueId, AnyNode>();
  for (const node of graph.nodes) made.set(node.output, node);
  const gone = new Set<AnyNode>();
  const nodes = graph.nodes.map((reader) => {
    if (!(readers as readonly OpName[]).includes(reader.op)) return reader;
    for (const input of new Set(reader.inputs)) {
      const producer = made.get(input);
      if (producer === undefined || gone.has(producer) || counts.get(input) !== 1) continue;
      if (!(producers as readonly OpName[]).includes(producer.op)) continue;
      const merged = merge(producer as unknown as Node<P>, reader as unknown as Node<R>);
      if (merged === null) continue;
      gone.add(producer);
      made.set(merged.output, merged);
      return merged;
    }
    return reader;
  });
  return gone.size === 0 ? graph : { ...graph, nodes: nodes.filter((node) => !gone.has(node)) };
}
