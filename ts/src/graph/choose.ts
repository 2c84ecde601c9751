/**
 * choose: by which algorithm each convolution is computed. A convolution is `conv2d` or `conv_transpose2d`, the direct ones, until here; where one of
 * Winograd's costs less it becomes `conv_winograd`, and with a group a channel `conv_depthwise`. `precision: 'highest'` keeps Winograd's out. Pure; not here: how either divides its work (ops/).
 */
import { groupsApart, packingOf, pixelElems } from '../ops/conv_tiles.js';
import type { Kernels, PaddingMode, WinogradAlgorithm } from '../ops/kernels.js';
import { channelBlocks, LANES } from '../ops/tiles.js';
import { keepsPrecision, transformedBytes, type WinogradWork } from '../ops/winograd_algorithms.js';
import { divide } from '../ops/winograd_division.js';
import type { Shape } from '../tensor/shape.js';
import { type AnyNode, constantsOf, type Graph, type Node, type ValueId, valueAt } from './graph.js';
import { isOneOf } from './rewrite.js';

export type Precision = 'high' | 'highest';

/** What became of one convolution. */
export interface Choice {
  readonly name: string;
  readonly algorithm: 'direct' | 'depthwise' | WinogradAlgorithm;
  readonly why: string;
}

export interface Chosen {
  readonly graph: KernelGraph;
  readonly precision: Precision;
  readonly choices: readonly Choice[];
  /** Transformed weights of all Winograd convolutions together. */
  readonly transformed_bytes: number;
  /** Those that are kept; each run transforms the others anew. */
  readonly kept_bytes: number;
  readonly most_kept_bytes: number;
}

/** Transformed weights that a network may keep. If it has more, it keeps a part, the smallest first, and makes the others anew in each run, if they can be. */
export const MOST_TRANSFORMED_BYTES = 64 * 2 ** 20;
/** That part. Transforming anew costs a layer of 256 channels 5 % of its time at 64x64, so that the memory of more would buy little. */
export const PART_TRANSFORMED_BYTES = 16 * 2 ** 20;

/** Multiply-adds that could be done while one weight is transformed. */
const TRANSFORM = 7;
/** Winograd is taken where it costs at most this part of the direct algorithm, which is the more accurate one. */
const WORTHWHILE = 0.9;

const CONVOLUTIONS = ['conv2d', 'conv_transpose2d'] as const;
type KernelGraph = Graph<Kernels>;
type Convolution = AnyNode<Pick<Kernels, (typeof CONVOLUTIONS)[number]>>;

interface Candidate {
  readonly work: WinogradWork;
  /** Of the direct algorithm's cost, with kept weights and with weights transformed in each run; infinite where that cannot be. */
  readonly kept: number;
  readonly anew: number;
}

/** The shape of one of the node's operands. */
function shapeOf(graph: KernelGraph, id: ValueId | null | undefined): Shape {
  return id == null ? [] : valueAt(graph, id).shape;
}

function sizesOf(graph: KernelGraph, node: Convolution): { o: number; c: number; kh: number; kw: number } {
  const [first = 1, second = 1, kh = 1, kw = 1] = shapeOf(graph, node.inputs[1]);
  return node.op === 'conv2d' ? { o: first, c: second, kh, kw } : { o: second, c: first, kh, kw };
}

const both = (pair: readonly [number, number], size: number): boolean => pair[0] === size && pair[1] === size;

/** The algorithms that compute the convolution, or why there are none. */
function applicable(graph: KernelGraph, node: Convolution): readonly WinogradAlgorithm[] | string {
  const { kh, kw } = sizesOf(graph, node);
  const { stride } = node.attributes;
  const is3x3 = kh === 3 && kw === 3;
  if (node.op === 'conv_transpose2d') {
    const { padding } = node.attributes;
    if (!is3x3) return `a transposed ${kh}x${kw} kernel`;
    if (!both(stride, 2)) return `transposed with stride ${stride.join('x')}`;
    if (!both(padding, 1)) return `transposed with padding ${padding.join('x')}`;
    return ['F(8x8, 3x3) * 2'];
  }
  const { dilation } = node.attributes;
  if (!both(dilation, 1)) return `dilation ${dilation.join('x')}`;
  if (both(stride, 2) && is3x3) return ['F(4x4, 3x3) / 2'];
  if (!both(stride, 1)) return `a ${kh}x${kw} kernel with stride ${stride.join('x')}`;
  if (Math.min(kh, kw) < 2) return `a ${kh}x${kw} kernel`;
  return is3x3
    ? ['F(4x5, 3x3)', 'F(4x4, 3x3)', 'F(3x3, 3x3)']
    : ['F(3x3, 3x3)', 'F(4x4, 4x4)', 'F(5x3, 5x3)'];
}

/** The direct algorithm's multiply-adds. Few inputs or outputs have direct kernels that multiply no empty lanes. */
function directCost(graph: KernelGraph, node: Convolution): number {
  const { o, c, kh, kw } = sizesOf(graph, node);
  const pixels = node.op === 'conv2d' ? node.outputs[0] : node.inputs[0];
  const [n = 1, , h = 1, w = 1] = shapeOf(graph, pixels);
  const outputs = packingOf({ c, o }) === 1 ? o : channelBlocks(o) * LANES;
  return n * h * w * kh * kw * pixelElems(c) * outputs;
}

/** How groups, and the dilation of a transposed convolution, are computed; null where there are none. */
function grouped(graph: KernelGraph, node: Convolution): string | null {
  const { groups, dilation } = node.attributes;
  const [first = 1, second = 1] = shapeOf(graph, node.inputs[1]);
  if (node.op === 'conv_transpose2d') {
    const zeros = [
      ...(groups > 1 ? [`${groups} groups`] : []),
      ...(both(dilation, 1) ? [] : [`dilation ${dilation.join('x')}`]),
    ];
    return zeros.length === 0 ? null : `${zeros.join(' and ')}, as zeros of a dense weight`;
  }
  if (groups === 1) return null;
  const [c, o] = [second * groups, first];
  const apart = groupsApart({ c, o, groups });
  const each = `${groups} groups of ${c / groups} to ${o / groups} channels`;
  return apart === groups
    ? each
    : `${each}, as ${apart} of ${c / apart} to ${o / apart} with zeros in the weight`;
}

/** Whether each channel of y is made of the same one of x. */
function isDepthwise(graph: KernelGraph, node: Convolution): node is Node<Kernels, 'conv2d'> {
  const [o, channels] = shapeOf(graph, node.inputs[1]);
  const { groups } = node.attributes;
  return node.op === 'conv2d' && groups > 1 && o === groups && channels === 1;
}

/** The cheapest of Winograd's algorithms, or why there is none. */
function estimate(graph: KernelGraph, node: Convolution): Candidate | string {
  const algorithms = applicable(graph, node);
  if (typeof algorithms === 'string') return algorithms;
  const sizes = sizesOf(graph, node);
  const [samples = 1, , rows = 1, cols = 1] = shapeOf(graph, node.outputs[0]);
  const direct = directCost(graph, node);
  let best: Candidate | null = null;
  for (const algorithm of algorithms) {
    const work = { algorithm, samples, rows, cols, ...sizes };
    if (!keepsPrecision(work)) continue;
    const { cost } = divide(work);
    // What is not transposed and has whole panels of outputs has a direct form that weights can be kept in.
    const canBeAnew = node.op === 'conv2d' && packingOf(sizes) === 0;
    const transform = canBeAnew ? TRANSFORM * (transformedBytes(work) / 4) : Number.POSITIVE_INFINITY;
    const candidate = { work, kept: cost / direct, anew: (cost + transform) / direct };
    if (best === null || candidate.kept < best.kept) best = candidate;
  }
  return best ?? `${sizes.c} channels, too many for the error that is promised`;
}

const costs = (ratio: number): string => `costs ${ratio.toFixed(2)} of direct`;

function winogradNode(
  node: Convolution,
  algorithm: WinogradAlgorithm,
  weights: Kernels['conv_winograd']['weights'],
): Node<Kernels, 'conv_winograd'> {
  const { program, load, loadProgram } = node.attributes;
  const [padding, paddingMode] =
    node.op === 'conv2d'
      ? [node.attributes.padding, node.attributes.paddingMode]
      : ([[0, 0, 0, 0], 'zeros'] as const satisfies [readonly number[], PaddingMode]);
  return {
    ...node,
    op: 'conv_winograd',
    attributes: { algorithm, padding, paddingMode, program, load, loadProgram, weights },
  };
}

/** Which convolutions keep their transformed weights, and how many bytes they may take. Shared weights are counted for each. */
function keptOf(estimates: ReadonlyMap<ValueId, Candidate | string>): {
  readonly kept: Set<ValueId>;
  readonly most: number;
} {
  const worthwhile = [...estimates].flatMap(([id, found]) =>
    typeof found === 'string' || found.kept > WORTHWHILE
      ? []
      : [{ id, bytes: transformedBytes(found.work), mayBeAnew: Number.isFinite(found.anew) }],
  );
  const all = worthwhile.reduce((sum, { bytes }) => sum + bytes, 0);
  const most = all <= MOST_TRANSFORMED_BYTES ? MOST_TRANSFORMED_BYTES : PART_TRANSFORMED_BYTES;
  // Those that cannot be made anew come first, and have all the room: without it they would be computed directly.
  worthwhile.sort((a, b) => Number(a.mayBeAnew) - Number(b.mayBeAnew) || a.bytes - b.bytes);
  const kept = new Set<ValueId>();
  let used = 0;
  for (const { id, bytes, mayBeAnew } of worthwhile) {
    if (used + bytes > (mayBeAnew ? most : MOST_TRANSFORMED_BYTES)) continue;
    used += bytes;
    kept.add(id);
  }
  return { kept, most: Math.max(most, used) };
}

/** Chooses for every convolution of a graph. */
export function choose(graph: KernelGraph, { precision }: { readonly precision: Precision }): Chosen {
  const constants = constantsOf(graph);
  const estimates = new Map<ValueId, Candidate | string>();
  for (const node of graph.nodes) {
    if (!isOneOf(node, CONVOLUTIONS)) continue;
    const [y = -1] = node.outputs;
    const groups = grouped(graph, node);
    const weight = node.inputs[1] ?? -1;
    if (groups !== null) estimates.set(y, groups);
    else if (precision === 'highest') estimates.set(y, "precision 'highest'");
    else if (!constants.has(weight)) estimates.set(y, 'a weight that is computed in each run');
    else estimates.set(y, estimate(graph, node));
  }
  const { kept, most: most_kept_bytes } = keptOf(estimates);
  let [transformed_bytes, kept_bytes] = [0, 0];
  const choices: Choice[] = [];
  const nodes = graph.nodes.map((node): AnyNode<Kernels> => {
    const [y = -1] = node.outputs;
    const found = estimates.get(y);
    if (!isOneOf(node, CONVOLUTIONS) || found === undefined) return node;
    if (isDepthwise(graph, node)) {
      choices.push({ name: node.name, algorithm: 'depthwise', why: 'a group a channel' });
      const { groups: _, ...attributes } = node.attributes;
      return { ...node, op: 'conv_depthwise', attributes };
    }
    if (typeof found === 'string') {
      choices.push({ name: node.name, algorithm: 'direct', why: found });
      return node;
    }
    const keeps = kept.has(y);
    const ratio = keeps ? found.kept : found.anew;
    const { algorithm } = found.work;
    const why = Number.isFinite(ratio)
      ? `${algorithm} ${costs(ratio)}`
      : `no room to keep the transformed weights of ${algorithm}`;
    if (ratio > WORTHWHILE) {
      choices.push({ name: node.name, algorithm: 'direct', why });
      return node;
    }
    const bytes = transformedBytes(found.work);
    transformed_bytes += bytes;
    if (keeps) kept_bytes += bytes;
    choices.push({ name: node.name, algorithm, why: costs(ratio) });
    return winogradNode(node, algorithm, keeps ? 'transformed once' : 'transformed in each run');
  });
  return {
    graph: { ...graph, nodes },
    precision,
    choices,
    transformed_bytes,
    kept_bytes,
    most_kept_bytes,
  };
}
