/** fuse: a list of named graph rewrites, each a pure function. */
import type { Graph } from './ir.js';

export declare function fuse(graph: Graph): Graph;
