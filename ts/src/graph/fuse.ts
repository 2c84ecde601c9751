/**
 * fuse: rewrites of kernel nodes that save passes over memory, applied until none changes anything. A rewrite never touches an intermediate value
 * that something else reads or that is an output. The graph without them stays the oracle.
 * First convolutions and matrix products take the pointwise operations on their results (fuse_epilogue.ts); then what is left of those becomes
 * programs (fuse_pointwise.ts); then, when every map is whole, convolutions take it and statistics (fuse_normalize.ts); last what nobody took a part
 * of is put together.
 */
import type { Kernels } from '../ops/kernels.js';
import { pointwiseBeforeView, pointwiseIntoProducer } from './fuse_epilogue.js';
import { joinPlanes, mapIntoConsumer, statisticsIntoProducer } from './fuse_normalize.js';
import { joinPointwise } from './fuse_pointwise.js';
import type { Graph } from './graph.js';
import { type Rewrite, untilNothingChanges } from './rewrite.js';

const passing: readonly Rewrite<Kernels>[] = [pointwiseBeforeView, pointwiseIntoProducer];
const chaining: readonly Rewrite<Kernels>[] = [joinPointwise];
const loading: readonly Rewrite<Kernels>[] = [statisticsIntoProducer, mapIntoConsumer];
const rejoining: readonly Rewrite<Kernels>[] = [joinPlanes];

/** In the order they are tried. */
export const rewrites: readonly Rewrite<Kernels>[] = [...passing, ...chaining, ...loading, ...rejoining];

/** Applies every rewrite until none changes anything. */
export function fuse(graph: Graph<Kernels>): Graph<Kernels> {
  // A chain that reads its beginning twice has one reader only when it is whole.
  return [passing, chaining, passing, loading, rejoining].reduce(untilNothingChanges, graph);
}
