/** What the engine is asked to compute: a traced graph and a key that equal graphs share. Not here: weights' values, compiled bytes. */
import type { Graph } from '../graph/ir.js';
import type { OutputStructure, Traced } from '../graph/trace.js';
import { Parameter } from '../nn/parameter.js';

/** How a graph is compiled. */
export interface JobOptions {
  readonly fuse: boolean;
  readonly precision: 'high' | 'highest';
}

/** One computation at one size. */
export interface Job {
  /** For messages: what the user called. */
  readonly op: string;
  /**
   * Spells the whole graph, with the identity of each parameter. So a network that was changed between two calls (train() to eval(), another
   * eps) is compiled anew, and a function that is written anew for each call is not.
   */
  readonly key: string;
  readonly graph: Graph;
  readonly structure: OutputStructure;
  readonly options: JobOptions;
  /** Parameters and buffers that the graph uses, each once. */
  readonly parameters: readonly Parameter[];
  /** The input's longest side, and the same computation for another one of the same aspect ratio; null where there is no picture. */
  readonly scaled: { readonly longestSide: number; at(longestSide: number): Traced } | null;
}

/** Makes a job of a trace. */
export function jobOf(op: string, traced: Traced, options: JobOptions, scaled: Job['scaled']): Job {
  const parameters = new Set(traced.graph.nodes.flatMap((node) => Object.values(node.weights)));
  const key = JSON.stringify([traced, options], (_, value: unknown) =>
    value instanceof Parameter ? value.uid : value,
  );
  return { op, key, ...traced, options, parameters: [...parameters], scaled };
}
