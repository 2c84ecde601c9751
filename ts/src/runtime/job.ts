/** What the engine is asked to compute: a traced graph and a key that equal graphs share. Not here: compiled bytes. */
import { Cell } from '../graph/cell.js';
import type { WeightValues } from '../graph/compile.js';
import { type Graph, parametersOf, type StatePort } from '../graph/graph.js';
import type { Operators } from '../graph/operators/index.js';
import { Parameter } from '../graph/parameter.js';
import type { OutputStructure, Traced } from '../graph/trace.js';

/** Networks halve sizes a few times: sizes come in multiples of what most of them take. */
export const SIDE_STEP_PX = 16;

/** How a graph is compiled. */
export interface JobOptions {
  readonly fuse: boolean;
  readonly precision: 'high' | 'highest';
}

/** A traced graph and how it is compiled: all of a job that calls of the same network at the same size share. */
export interface Computation {
  /**
   * Spells the whole graph, with the identity of each parameter. So a network that was changed between two calls (train() to eval(), another
   * eps) is compiled anew, and a function that is written anew for each call is not.
   */
  readonly key: string;
  readonly graph: Graph<Operators>;
  readonly structure: OutputStructure;
  readonly options: JobOptions;
  /** Parameters and buffers that the graph uses. */
  readonly parameters: readonly Parameter[];
  /** What it reads of cells, and leaves in them. */
  readonly state: readonly StatePort[];
}

/** One call's computation. */
export interface Job extends Computation {
  /** For messages: what the user called. */
  readonly op: string;
  /** The values that the parameters had when the call was made. */
  readonly values: WeightValues;
  /**
   * The input's longest side, and the same computation for another one of the same aspect ratio, once for each way to round the other side;
   * null for a way that gives nothing to compute. Itself null where there is no picture.
   */
  readonly scaled: { readonly longestSide: number; at(longestSide: number): Iterable<Traced | null> } | null;
}

/** What a trace computes. */
export function computationOf({ graph, structure }: Traced, options: JobOptions): Computation {
  const parameters = [...parametersOf(graph)];
  const { state } = graph;
  return { key: spelled([{ graph, structure }, options]), graph, structure, options, parameters, state };
}

/** Makes a job of a computation, with its parameters' values of now. */
export function jobOf(op: string, computation: Computation, scaled: Job['scaled']): Job {
  return { ...computation, op, values: valuesOf(computation.parameters), scaled };
}

/** The same job with its parameters' values of now. */
export function refreshed(job: Job): Job {
  return { ...job, values: valuesOf(job.parameters) };
}

function valuesOf(parameters: readonly Parameter[]): WeightValues {
  const values = new Map<Parameter, Parameter['values']>();
  for (const parameter of parameters) values.set(parameter, parameter.values);
  return values;
}

/** Plain data as text that no other data has; parameters and cells by their identity. */
export function spelled(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => {
    if (value instanceof Parameter || value instanceof Cell) return value.uid;
    // JSON knows no -0 and no infinity: x / 0 and x / -0 would share a plan.
    const lost = typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value));
    return lost ? (Object.is(value, -0) ? '-0' : String(value)) : value;
  });
}
