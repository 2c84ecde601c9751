/** Layers of a network by kind, with their rates. */
import type { Graph } from '../graph/graph.js';
import type { Kernels } from '../ops/kernels.js';
import { ALGORITHMS, blocksOf, pointsOf, squaresOf } from '../ops/winograd_algorithms.js';
import type { ProfileRow } from '../session.js';
import type { Row } from './compare.js';

/** What a convolution's Winograd algorithm multiplies. */
export interface WinogradWork {
  readonly algorithm: string;
  /** Multiplications and additions of its products; its transforms are not among them. */
  readonly flops: number;
}

/** By the layer's name, of a graph whose algorithms are chosen: squares x points x channels x outputs x blocks of the kernel. */
export function winogradWork(graph: Graph<Kernels>): Record<string, WinogradWork> {
  const found: Record<string, WinogradWork> = {};
  for (const node of graph.nodes) {
    if (node.op !== 'conv_winograd') continue;
    const algorithm = ALGORITHMS[node.attributes.algorithm];
    const [n = 1, , rows = 1, cols = 1] = graph.values[node.outputs[0] ?? -1]?.shape ?? [];
    const [o = 1, c = 1, kh = 1, kw = 1] = graph.values[node.inputs[1] ?? -1]?.shape ?? [];
    const [down, across] = squaresOf(algorithm, rows, cols);
    const [blocksH, blocksW] = blocksOf(algorithm, kh, kw);
    const flops = 2 * n * down * across * pointsOf(algorithm) * c * o * blocksH * blocksW;
    found[node.name] = { algorithm: node.attributes.algorithm, flops };
  }
  return found;
}

/** Layers of one kind: the same place in each of several blocks, with the same op and work. */
export interface Layer {
  readonly name: string;
  /** With the algorithm, where there are several. */
  readonly op: string;
  /** Of the direct algorithm, all of them together. */
  flops: number;
  /** Of the algorithm that ran. */
  computed: number;
  count: number;
  ms: number;
}

/** Rows by kind, in order of first appearance; their times are summed. A # stands for the numbers of blocks. */
export function layersOf(
  rows: readonly ProfileRow[],
  winograd: Readonly<Record<string, WinogradWork>>,
): Layer[] {
  const found = new Map<string, Layer>();
  for (const { name, op: record, flops, ms } of rows) {
    const work = record === 'conv_winograd' && flops > 0 ? winograd[name] : undefined;
    const op = work === undefined ? record : `${record} ${work.algorithm}`;
    const kind = name.split('.').length > 2 ? name.replace(/\d+/g, '#') : name;
    const key = `${kind} ${op} ${flops}`;
    const layer = found.get(key) ?? { name: kind, op, flops: 0, computed: 0, count: 0, ms: 0 };
    layer.count++;
    layer.flops += flops;
    layer.computed += work?.flops ?? flops;
    layer.ms += ms;
    found.set(key, layer);
  }
  return [...found.values()];
}

/** GFLOP/s that are computed. */
export function computedRate({ computed, ms }: Layer): number {
  return computed / ms / 1e6;
}

/** GFLOP/s that a direct algorithm would need to be as fast. */
export function effectiveRate({ flops, ms }: Layer): number {
  return flops / ms / 1e6;
}

/** Rows with layers to show: gouache's of one thread, each build and precision. */
export function layerRows(rows: readonly Row[]): Row[] {
  return rows.filter(({ threads, layers }) => threads === 1 && layers.length > 0);
}
