/** What the graph tests share: tracing by shape, and naming ops. They read the built files: these stages are not part of the public entry. */
import { type CompileOptions, stageGraph } from '../../dist/graph/compile.js';
import type { Graph } from '../../dist/graph/ir.js';
import type { Placement } from '../../dist/graph/place.js';
import { type Traceable, traceModule } from '../../dist/nn/trace.js';

/** The graph of `target` for float32 inputs of these shapes. */
export function trace(target: Traceable, ...shapes: readonly (readonly number[])[]): Graph {
  return traceModule(
    target,
    shapes.map((shape) => ({ shape })),
  ).graph;
}

/** The graph, compiled as far as to its places. */
export function placeGraph(graph: Graph, options?: CompileOptions): Placement {
  return stageGraph(graph, options).placement;
}

/** Ops in execution order. */
export function ops(graph: Graph): string[] {
  return graph.nodes.map((node) => node.op);
}
