/**
 * The whole way from a traced graph to relocatable bytes: fuse -> choose -> place -> encode. Pure; touches no wasm memory.
 * The façade calls it and hands the result to the host.
 */

import { type Chosen, choose, type Precision } from './choose.js';
import { encode, type PackedWeight, type Row, type WeightValues } from './encode.js';
import { fuse } from './fuse.js';
import type { Graph } from './ir.js';
import type { Parameter } from './parameter.js';
import { type Placement, place } from './place.js';
import type { EncodedPlan } from './plan.js';
import { printChosen, printGraph, printNormalizations, printPlacement } from './print.js';

export type { PackedWeight, Parameter, Row, WeightValues };

export interface CompileOptions {
  /** Rewrite the graph into fewer, larger ops (default true); false is the oracle. */
  readonly fuse?: boolean;
  /** 'highest' keeps to direct convolutions (default 'high'). */
  readonly precision?: Precision;
  /** Workers that will run the plan; scratch memory is laid out for each (default 1). */
  readonly workers?: number;
}

export interface Compiled {
  readonly encoded: EncodedPlan;
  readonly rows: readonly Row[];
  /** In the order that the plan's relocations count. */
  readonly weights: readonly PackedWeight[];
  readonly stages: {
    readonly traced: Graph;
    readonly fused: Graph;
    readonly chosen: Chosen;
    readonly placement: Placement;
  };
  /** The stages as text. */
  explain(): string;
}

/** Fuses, chooses algorithms and places, without encoding: enough to know how many bytes the arena takes. */
export function stageGraph(graph: Graph, options: CompileOptions = {}): Compiled['stages'] {
  const fused = options.fuse === false ? graph : fuse(graph);
  const chosen = choose(fused, { precision: options.precision ?? 'high' });
  const placement = place(chosen.graph, { workers: options.workers ?? 1 });
  return { traced: graph, fused, chosen, placement };
}

/**
 * Compiles a traced graph, with `values` for its parameters (by default those of now).
 * @throws {@link StateDictError} when a parameter that the graph uses has no values
 */
export function compileGraph(graph: Graph, options: CompileOptions = {}, values?: WeightValues): Compiled {
  return compileStages(stageGraph(graph, options), values);
}

/**
 * Encodes what {@link stageGraph} gives.
 * @throws {@link StateDictError} when a parameter that the graph uses has no values
 */
export function compileStages(stages: Compiled['stages'], values?: WeightValues): Compiled {
  const { traced: graph, fused, chosen, placement } = stages;
  const { plan, rows, weights } = encode(placement, values);
  return {
    encoded: plan,
    rows,
    weights,
    stages,
    explain: () =>
      [
        printGraph(graph, 'traced'),
        printGraph(fused, 'fused'),
        printNormalizations(fused),
        printChosen(chosen),
        printPlacement(placement),
      ].join('\n'),
  };
}
