/** conv2d_winograd: 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3). Which convolutions take it is decided in graph/choose.ts. */
import type { Node } from '../graph/ir.js';
import { packConv2dWinograd, conv2dWinograd as record } from '../graph/records.gen.js';
import { fusedFields, leftBytes } from './conv_normalize.js';
import { panelPacking } from './conv2d.js';
import type { OpDescriptor, PlacedShapes, WeightPacking } from './descriptor.js';
import {
  ACTIVATION_CODES,
  channelBlocks,
  dimsAt,
  elems,
  LANES,
  operandAt,
  outputDims,
  PADDING_CODES,
  vectorPacking,
  weightAt,
} from './tiles.js';

/** Outputs that a panel of weights holds: groups and tiles divide output channels by it. */
const PANEL_OUTPUTS = 8;
/** Products of a square of results. */
export const POINTS = 36;
/** Side of a square of results, pixels. */
export const SQUARE_PX = 4;
/** Floats between points, a cache line: the kernel checks it. */
const GAP_ELEMS = 16;
/** Register tiles are 6 or 4 squares wide, as the build has it; both divide this. */
const STEP_SQUARES = 12;
/**
 * Squares that are transformed together: at 128 channels their points fill a second-level cache of 1 MB, and weights stream past them. Half as
 * many cost a tenth more at 256 channels, since each block of squares is a pass over the weights.
 */
export const MOST_SQUARES = 48;
/** The most bytes of their points. */
const POINTS_BYTES = 2 ** 22;
/** Output channels whose products lie in scratch together. */
const GROUP_OUTPUTS = 64;
/** 4.6 ms at 25 GFLOP/s, 2 ms at 57: the most that a tile's products should cost. */
const MOST_FLOPS = 115e6;

interface Geometry {
  readonly o: number;
  readonly c: number;
  /** Transformed weights. */
  readonly weightBytes: number;
}

/** Outputs and channels that are multiplied, those past the real ones by zero. */
const padded = (channels: number): number => channelBlocks(channels) * LANES;

/** Bytes of the transformed weights of a 3x3 convolution. */
export function transformedBytes(o: number, c: number): number {
  return padded(o) * padded(c) * POINTS * 4;
}

function geometry({ weights }: Node<'conv2d_winograd'>): Geometry {
  const [o = 1, c = 1] = weights.weight?.shape ?? [];
  return { o, c, weightBytes: transformedBytes(o, c) };
}

/** How the work is divided: squares are blocks of 4 x 4 results. */
function division(node: Node<'conv2d_winograd'>, shapes: PlacedShapes) {
  const { o, c } = geometry(node);
  const [, , rows, cols] = outputDims(shapes);
  // A tile's squares are of one sample, whose moments it leaves.
  const all = Math.ceil(rows / SQUARE_PX) * Math.ceil(cols / SQUARE_PX);
  const panelFlops = 2 * POINTS * padded(c) * PANEL_OUTPUTS;
  const most = Math.min(MOST_SQUARES, POINTS_BYTES / (POINTS * padded(c) * 4), MOST_FLOPS / panelFlops);
  const squares = Math.min(all, Math.max(1, Math.floor(most / STEP_SQUARES) * STEP_SQUARES));
  const panels = Math.ceil(o / PANEL_OUTPUTS);
  // Outputs that are too many for one tile make parts, each of which transforms the inputs anew.
  const mostPanels = Math.max(1, Math.floor(MOST_FLOPS / (squares * panelFlops)));
  const parts = Math.ceil(panels / mostPanels);
  const tileO = Math.ceil(panels / parts) * PANEL_OUTPUTS;
  const groupO = Math.min(GROUP_OUTPUTS, tileO);
  const floats = squares * (padded(c) + groupO) + 2 * GAP_ELEMS;
  return { squares, groupO, tileO, scratchBytes: floats * POINTS * 4 };
}

function weightPacking(node: Node<'conv2d_winograd'>): WeightPacking {
  const { o, c, weightBytes } = geometry(node);
  if (node.attributes.weights === 'transformed in each run') return panelPacking(o, c, 3, 3);
  return {
    role: 'weight',
    from: ['weight'],
    key: `conv2d_winograd:${o}x${c}`,
    bytes: weightBytes,
    records: ([src = 0], y) => [packConv2dWinograd({ src, y, o, c, packed: 0 })],
  };
}

export const conv2dWinograd: OpDescriptor<'conv2d_winograd'> = {
  op: 'conv2d_winograd',
  inPlace: [],
  dims(_node, shapes) {
    const [n = 1, c = 1, h = 1, w = 1] = shapes.inputs[0] ?? [];
    const [outN = 1, outC = 1, outH = 1, outW = 1] = shapes.output;
    return { inputs: [[n, c, h, w]], output: [outN, outC, outH, outW] };
  },
  workspace: (node, shapes) => ({
    temporaryBytes: node.attributes.weights === 'transformed in each run' ? [geometry(node).weightBytes] : [],
    scratchBytes: division(node, shapes).scratchBytes,
  }),
  weights(node) {
    const weight = weightPacking(node);
    return node.weights.bias === undefined
      ? [weight]
      : [weight, vectorPacking('bias', 'bias', geometry(node).o)];
  },
  opaqueBytes(node, shapes) {
    const [, , rows, cols] = outputDims(shapes);
    const all = Math.ceil(rows / SQUARE_PX) * Math.ceil(cols / SQUARE_PX);
    return leftBytes(shapes, Math.ceil(all / division(node, shapes).squares));
  },
  records(node, shapes, operands) {
    const { inputs, output, temporaries, scratch, weights } = operands;
    const { o, c } = geometry(node);
    const { padding, paddingMode, activation } = node.attributes;
    const [n, , h, w] = dimsAt(shapes.dims.inputs, 0);
    const [, , outH, outW] = outputDims(shapes);
    const stored = weightAt(weights, 'weight');
    const [temporary] = temporaries;
    const convolution = record({
      scratch,
      ...division(node, shapes),
      x: operandAt(inputs, 0),
      weight: temporary ?? stored,
      bias: weightAt(weights, 'bias'),
      y: output,
      n,
      c,
      h,
      w,
      o,
      outH,
      outW,
      padTop: padding[0],
      padLeft: padding[2],
      padMode: PADDING_CODES[paddingMode],
      activation: ACTIVATION_CODES[activation],
      ...fusedFields(node, shapes, operands),
    });
    return temporary === undefined
      ? [convolution]
      : [packConv2dWinograd({ src: stored, y: temporary, o, c, packed: 1 }), convolution];
  },
  flops(node, shapes) {
    const { c } = geometry(node);
    return 2 * c * 9 * elems(outputDims(shapes));
  },
};
