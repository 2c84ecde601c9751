/** What the graph tests share: tracing by shape, and naming ops. They read the built files: these stages are not part of the public entry. */
import { type CompileOptions, stageGraph } from '../../dist/graph/compile.js';
import { type Graph, neededAtEnds, type SomeGraph } from '../../dist/graph/graph.js';
import { lower } from '../../dist/graph/lower.js';
import type { Operators } from '../../dist/graph/operators/index.js';
import type { Placement } from '../../dist/graph/place.js';
import { type Traceable, traceModule } from '../../dist/nn/trace.js';
import type { Kernels } from '../../dist/ops/kernels.js';

type Shapes = readonly (readonly number[])[];

/** The graph of `target` for float32 inputs of these shapes. */
export function trace(target: Traceable, ...shapes: Shapes): Graph<Operators> {
  return traceModule(
    target,
    shapes.map((shape) => ({ shape })),
  ).graph;
}

/** {@link trace} in kernel nodes, before anything is rewritten. */
export function lowered(target: Traceable, ...shapes: Shapes): Graph<Kernels> {
  return lower(trace(target, ...shapes));
}

/** The graph, compiled as far as to its places. */
export function placeGraph(graph: Graph<Operators>, options?: CompileOptions): Placement {
  return stageGraph(graph, options).placement;
}

/** Ops in execution order. */
export function ops({ nodes }: SomeGraph): string[] {
  return nodes.map(({ op }) => String(op));
}

/** Every value that is read comes in, is a parameter's or was made before; none is made twice. */
export function isSound(graph: SomeGraph): boolean {
  const { nodes, inputs, state, values } = graph;
  const made = new Set([
    ...inputs.map(({ value }) => value),
    ...state.flatMap(({ read }) => (read === undefined ? [] : [read])),
    ...values.flatMap(({ parameter }, id) => (parameter === undefined ? [] : [id])),
  ]);
  const ordered = nodes.every((node) => {
    const known = node.inputs.every((id) => id === null || made.has(id));
    const fresh = node.outputs.every((id) => values[id] !== undefined && !made.has(id));
    for (const id of node.outputs) made.add(id);
    return known && fresh;
  });
  return ordered && neededAtEnds(graph).every((id) => made.has(id));
}
