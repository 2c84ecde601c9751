/** Layers of a network by kind, with their rates. */
import type { ProfileRow } from '../session.js';
import type { Row } from './compare.js';

/**
 * Multiplications that an algorithm does, as a part of the direct one's, tiles taken as whole: an op that is not listed is direct. Its
 * transforms, some 10 additions a pixel and channel, are not counted.
 */
const PART_OF_DIRECT: Readonly<Record<string, number>> = {
  // F(4x4, 3x3): 36 products for 16 outputs of 9 each.
  conv2d_winograd: 36 / 144,
};

/** Layers of one kind: the same place in each of several blocks, with the same op and work. */
export interface Layer {
  readonly name: string;
  readonly op: string;
  /** Of the direct algorithm, all of them together. */
  flops: number;
  count: number;
  ms: number;
}

/** Rows by kind, in order of first appearance; their times are summed. A # stands for the numbers of blocks. */
export function layersOf(rows: readonly ProfileRow[]): Layer[] {
  const found = new Map<string, Layer>();
  for (const { name, op, flops, ms } of rows) {
    const kind = name.split('.').length > 2 ? name.replace(/\d+/g, '#') : name;
    const key = `${kind} ${op} ${flops}`;
    const layer = found.get(key) ?? { name: kind, op, flops: 0, count: 0, ms: 0 };
    layer.count++;
    layer.flops += flops;
    layer.ms += ms;
    found.set(key, layer);
  }
  return [...found.values()];
}

/** GFLOP/s that are computed, by {@link PART_OF_DIRECT}. */
export function computedRate({ op, flops, ms }: Layer): number {
  return (flops * (PART_OF_DIRECT[op] ?? 1)) / ms / 1e6;
}

/** GFLOP/s that a direct algorithm would need to be as fast. */
export function effectiveRate({ flops, ms }: Layer): number {
  return flops / ms / 1e6;
}

/** Rows with layers to show: gouache's of one thread, each build and precision. */
export function layerRows(rows: readonly Row[]): Row[] {
  return rows.filter(({ threads, layers }) => threads === 1 && layers.length > 0);
}
