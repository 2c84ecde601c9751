/** place: decides every value's layout, inserts reorders, and lays all storage out in one arena. */
import type { Graph } from './ir.js';

export interface Placement {
  readonly graph: Graph;
  readonly arena_bytes: number;
}
export declare function place(graph: Graph, options: { readonly workers: number }): Placement;
