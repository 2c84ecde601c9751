/** What the engine is asked to compute: a traced graph and a key that equal graphs share. Not here: weights' values, compiled bytes. */
import type { WeightValues } from '../graph/compile.js';
import { type Graph, parametersOf } from '../graph/graph.js';
import type { Operators } from '../graph/operators/index.js';
import { Parameter } from '../graph/parameter.js';
import type { OutputStructure, Traced } from '../graph/trace.js';

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
  readonly graph: Graph<Operators>;
  readonly structure: OutputStructure;
  readonly options: JobOptions;
  /** Parameters and buffers that the graph uses, with the values that they had when the call was made. */
  readonly values: WeightValues;
  /**
   * The input's longest side, and the same computation for another one of the same aspect ratio, once for each way to round the other side;
   * null for a way that gives nothing to compute. Itself null where there is no picture.
   */
  readonly scaled: { readonly longestSide: number; at(longestSide: number): Iterable<Traced | null> } | null;
}

/** Makes a job of a trace, with its parameters' values of now. */
export function jobOf(op: string, traced: Traced, options: JobOptions, scaled: Job['scaled']): Job {
  const values = valuesOf(parametersOf(traced.graph));
  return { op, key: keyOf(traced, options), ...traced, options, values, scaled };
}

/** The same job with its parameters' values of now. */
export function refreshed(job: Job): Job {
  return { ...job, values: valuesOf(job.values.keys()) };
}

function valuesOf(parameters: Iterable<Parameter>): WeightValues {
  return new Map([...parameters].map((parameter) => [parameter, parameter.values]));
}

function keyOf(traced: Traced, options: JobOptions): string {
  return JSON.stringify([traced, options], (_, value: unknown) => {
    if (value instanceof Parameter) return value.uid;
    // JSON knows no -0 and no infinity: x / 0 and x / -0 would share a plan.
    const lost = typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value));
    return lost ? (Object.is(value, -0) ? '-0' : String(value)) : value;
  });
}
