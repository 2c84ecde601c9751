/** Readable, stable text for graphs and placements. */
import type { Graph } from './ir.js';
import type { Placement } from './place.js';

export declare function printGraph(graph: Graph, title?: string): string;
export declare function printPlacement(placement: Placement): string;
