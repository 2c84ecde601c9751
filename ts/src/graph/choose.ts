/**
 * choose: by which algorithm each convolution is computed. A convolution is `conv2d`, the direct one, until here; where Winograd's costs less it
 * becomes `conv2d_winograd`. `precision: 'highest'` keeps all direct. Pure; not here: how either divides its work (ops/).
 */
import { MOST_SQUARES, POINTS, SQUARE_PX, transformedBytes } from '../ops/conv2d_winograd.js';
import { channelBlocks, LANES } from '../ops/tiles.js';
import type { AnyNode, Graph, Node, ValueId } from './ir.js';

export type Precision = 'high' | 'highest';

/** What became of one convolution. */
export interface Choice {
  readonly name: string;
  readonly algorithm: 'direct' | 'winograd';
  readonly why: string;
}

export interface Chosen {
  readonly graph: Graph;
  readonly precision: Precision;
  readonly choices: readonly Choice[];
  /** Transformed weights of all Winograd convolutions together. */
  readonly transformed_bytes: number;
  /** Whether they are kept; else each run transforms them anew. */
  readonly keepsTransformed: boolean;
  /** What keeping them takes beyond the parameters they are made of. */
  readonly extra_bytes: number;
}

/** Transformed weights that a network may keep: more are made anew in each run. */
export const MOST_TRANSFORMED_BYTES = 64 * 2 ** 20;

/**
 * Multiply-adds that could be done meanwhile, measured: to transform one channel of a square's input, or of its results; to read the 36
 * transformed weights of a 3x3, once for some squares; to transform them.
 */
const COST = { input: 250, output: 180, read: 150, transform: 250 } as const;
/** Steps that could be done while a register tile is begun and ended: a matrix product over C channels costs that many more than C. */
const TILE_STEPS = 16;
/** Winograd is taken where it costs at most this part of the direct algorithm, which is the more accurate one. */
const WORTHWHILE = 0.85;

/**
 * Winograd's error grows with the root of the channels that are summed: rms 0.6e-6 of the results' standard deviation at 16, 1.2e-6 at 128,
 * 1.8e-6 at 256, 2.5e-6 at 512. What is promised is 2e-6.
 */
const MOST_CHANNELS = 256;

interface Estimate {
  /** Transformed weights, and the parameter they are made of. */
  readonly bytes: number;
  readonly plain_bytes: number;
  /** Of the direct algorithm's cost, with kept weights and with weights transformed in each run. */
  readonly kept: number;
  readonly anew: number;
}

/** Costs in multiply-adds of whole vectors; null with the reason where Winograd does not apply. */
function estimate(graph: Graph, node: Node<'conv2d'>): Estimate | string {
  const [o = 1, c = 1, kh = 1, kw = 1] = node.weights.weight?.shape ?? [];
  const { stride, dilation } = node.attributes;
  if (kh !== 3 || kw !== 3) return `a ${kh}x${kw} kernel`;
  if (stride.some((step) => step !== 1)) return `stride ${stride.join('x')}`;
  if (dilation.some((step) => step !== 1)) return `dilation ${dilation.join('x')}`;
  if (c > MOST_CHANNELS) return `${c} channels, too many for the error that is promised`;
  const [n = 1, , h = 1, w = 1] = graph.values[node.output]?.shape ?? [];
  const pad4 = (channels: number): number => channelBlocks(channels) * LANES;
  // Few inputs or outputs have direct kernels that multiply no empty lanes.
  const direct = n * h * w * 9 * (c < LANES ? c : pad4(c)) * (o < LANES ? o : pad4(o));
  const squares = n * Math.ceil(h / SQUARE_PX) * Math.ceil(w / SQUARE_PX);
  const weights = pad4(c) * pad4(o);
  const winograd =
    squares * (POINTS * (pad4(c) + TILE_STEPS) * pad4(o) + COST.input * pad4(c) + COST.output * pad4(o)) +
    Math.ceil(squares / MOST_SQUARES) * COST.read * weights;
  return {
    bytes: transformedBytes(o, c),
    plain_bytes: o * c * kh * kw * 4,
    kept: winograd / direct,
    anew: (winograd + COST.transform * weights) / direct,
  };
}

const costs = (ratio: number): string => `costs ${ratio.toFixed(2)} of direct`;

function winogradNode(node: Node<'conv2d'>, keepsTransformed: boolean): Node<'conv2d_winograd'> {
  const { padding, paddingMode, activation, load } = node.attributes;
  const weights = keepsTransformed ? 'transformed once' : 'transformed in each run';
  return { ...node, op: 'conv2d_winograd', attributes: { padding, paddingMode, activation, load, weights } };
}

/** Chooses for every convolution of a graph. */
export function choose(graph: Graph, { precision }: { readonly precision: Precision }): Chosen {
  const estimates = new Map<ValueId, Estimate | string>();
  for (const node of graph.nodes) {
    if (node.op !== 'conv2d') continue;
    estimates.set(
      node.output,
      precision === 'highest' ? "precision 'highest'" : estimate(graph, node as Node<'conv2d'>),
    );
  }
  // Weights that several convolutions share are counted for each: an upper bound.
  let [transformed_bytes, plain_bytes] = [0, 0];
  for (const found of estimates.values()) {
    if (typeof found === 'string' || found.kept > WORTHWHILE) continue;
    transformed_bytes += found.bytes;
    plain_bytes += found.plain_bytes;
  }
  const keepsTransformed = transformed_bytes <= MOST_TRANSFORMED_BYTES;
  const extra_bytes = keepsTransformed ? transformed_bytes - plain_bytes : 0;

  const choices: Choice[] = [];
  const nodes = graph.nodes.map((node): AnyNode => {
    const found = estimates.get(node.output);
    if (node.op !== 'conv2d' || found === undefined) return node;
    const ratio = typeof found === 'string' ? null : keepsTransformed ? found.kept : found.anew;
    const winograd = ratio !== null && ratio <= WORTHWHILE;
    choices.push({
      name: node.name,
      algorithm: winograd ? 'winograd' : 'direct',
      why: typeof found === 'string' ? found : `winograd ${costs(ratio ?? Number.POSITIVE_INFINITY)}`,
    });
    return winograd ? winogradNode(node as Node<'conv2d'>, keepsTransformed) : node;
  });
  return { graph: { ...graph, nodes }, precision, choices, transformed_bytes, keepsTransformed, extra_bytes };
}
