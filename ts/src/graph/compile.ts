/**
 * The whole way from a traced graph to relocatable bytes: simplify -> lower -> fuse -> choose -> layOut -> separate -> place -> encode. Pure; touches
 * no wasm memory. The façade calls it and hands the result to the host.
 */
import type { Kernels } from '../ops/kernels.js';
import { type Chosen, choose, type Precision } from './choose.js';
import { type Separated, separate } from './constants.js';
import { encode, type PackedWeight, type Row, type WeightValues } from './encode.js';
import { fuse } from './fuse.js';
import type { Graph } from './graph.js';
import { type LaidOut, layOut } from './lay_out.js';
import { lower } from './lower.js';
import type { Operators } from './operators/index.js';
import type { Parameter } from './parameter.js';
import { type Placement, place } from './place.js';
import type { EncodedPlan } from './plan.js';
import {
  printChosen,
  printConstants,
  printGraph,
  printLaidOut,
  printNormalizations,
  printPlacement,
} from './print.js';
import { simplify } from './simplify.js';

export type { PackedWeight, Parameter, Row, WeightValues };

export interface CompileOptions {
  /** Rewrite the graph into fewer, larger ops (default true); false is the oracle. */
  readonly fuse?: boolean;
  /** 'highest' keeps to direct convolutions (default 'high'). */
  readonly precision?: Precision;
  /** Workers that will run the plan; scratch memory is laid out for each (default 1). */
  readonly workers?: number;
}

/** What each stage made. */
export interface Stages {
  readonly traced: Graph<Operators>;
  readonly simplified: Graph<Operators>;
  readonly lowered: Graph<Kernels>;
  readonly fused: Graph<Kernels>;
  readonly chosen: Chosen;
  readonly laidOut: LaidOut;
  readonly separated: Separated;
  readonly placement: Placement;
}

export interface Compiled {
  readonly encoded: EncodedPlan;
  readonly rows: readonly Row[];
  /** In the order that the plan's relocations count. */
  readonly weights: readonly PackedWeight[];
  readonly stages: Stages;
  /** The stages as text. */
  explain(): string;
}

/** All stages but encoding: enough to know how many bytes the arena takes. */
export function stageGraph(traced: Graph<Operators>, options: CompileOptions = {}): Stages {
  const rewrites = options.fuse !== false;
  const simplified = rewrites ? simplify(traced) : traced;
  const lowered = lower(simplified);
  const fused = rewrites ? fuse(lowered) : lowered;
  const chosen = choose(fused, { precision: options.precision ?? 'high' });
  const laidOut = layOut(chosen.graph);
  const separated = separate(laidOut);
  const constants = new Map(separated.constants.map(({ value }, index) => [value, index]));
  const placement = place(separated.running, { workers: options.workers ?? 1, constants });
  return { traced, simplified, lowered, fused, chosen, laidOut, separated, placement };
}

/**
 * Compiles a traced graph, with `values` for its parameters (by default those of now).
 * @throws {@link StateDictError} when a parameter that the graph uses has no values
 */
export function compileGraph(
  graph: Graph<Operators>,
  options: CompileOptions = {},
  values?: WeightValues,
): Compiled {
  return compileStages(stageGraph(graph, options), values);
}

/**
 * Encodes what {@link stageGraph} gives.
 * @throws {@link StateDictError} when a parameter that the graph uses has no values
 */
export function compileStages(stages: Stages, values?: WeightValues): Compiled {
  const { traced, simplified, lowered, fused, chosen, laidOut, separated, placement } = stages;
  const { plan, rows, weights } = encode(placement, { laidOut, constants: separated.constants }, values);
  return {
    encoded: plan,
    rows,
    weights,
    stages,
    explain: () =>
      [
        printGraph(traced, 'traced'),
        printGraph(simplified, 'simplified'),
        printGraph(lowered, 'lowered'),
        printGraph(fused, 'fused'),
        printNormalizations(fused),
        printChosen(chosen),
        printLaidOut(laidOut),
        printConstants(laidOut, separated),
        printPlacement(placement),
      ].join('\n'),
  };
}
