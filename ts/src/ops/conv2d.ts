/** conv2d: convolution by the direct algorithm. */
import type { Node } from '../graph/ir.js';
import { fusedFields, leftBytes } from './conv_normalize.js';
import { type ConvTile, convTile, packingOf, pixelElems } from './conv_tiles.js';
import type { OpDescriptor, PlacedShapes, WeightPacking } from './descriptor.js';
import { packConv2d, conv2d as record } from './records.gen.js';
import {
  ACTIVATION_CODES,
  dimsAt,
  elems,
  LANES,
  operandAt,
  outputDims,
  PADDING_CODES,
  vectorPacking,
  weightAt,
} from './tiles.js';

interface Geometry {
  readonly o: number;
  readonly c: number;
  readonly kh: number;
  readonly kw: number;
  /** 0 panels of 8 outputs, 1 few outputs. */
  readonly packing: 0 | 1;
}

function geometry({ weights }: Node<'conv2d'>): Geometry {
  const [o = 1, c = 1, kh = 1, kw = 1] = weights.weight?.shape ?? [];
  return { o, c, kh, kw, packing: packingOf({ c, o }) };
}

function tile(node: Node<'conv2d'>, shapes: PlacedShapes): ConvTile {
  const { o, c, kh, kw } = geometry(node);
  const [samples, , rows, cols] = outputDims(shapes);
  const { stride, dilation } = node.attributes;
  // Of a kernel dilated in height, one output row's input rows are staged, which lie apart.
  const groupsRows = dilation[0] === 1;
  return convTile({
    samples,
    rows,
    cols,
    outputs: o,
    flops: 2 * c * kh * kw,
    groupsRows,
    stagedBytes: (r, px) =>
      (groupsRows ? (r - 1) * stride[0] + kh : kh) *
      ((px - 1) * stride[1] + (kw - 1) * dilation[1] + 1) *
      pixelElems(c) *
      4,
  });
}

function weightPacking({ o, c, kh, kw, packing }: Geometry): WeightPacking {
  const outputs = packing === 1 ? o : Math.ceil(o / LANES) * LANES;
  return {
    role: 'weight',
    from: ['weight'],
    key: `conv2d:${packing}:${o}x${c}x${kh}x${kw}`,
    bytes: outputs * pixelElems(c) * kh * kw * 4,
    records: ([src = 0], y) => [packConv2d({ src, y, o, c, kh, kw, packing })],
  };
}

/** Weights in panels of 8 outputs, whatever their number. */
export function panelPacking(o: number, c: number, kh: number, kw: number): WeightPacking {
  return weightPacking({ o, c, kh, kw, packing: 0 });
}

export const conv2d: OpDescriptor<'conv2d'> = {
  op: 'conv2d',
  inPlace: [],
  dims(_node, shapes) {
    const [n = 1, c = 1, h = 1, w = 1] = shapes.inputs[0] ?? [];
    const [outN = 1, outC = 1, outH = 1, outW = 1] = shapes.output;
    return { inputs: [[n, c, h, w]], output: [outN, outC, outH, outW] };
  },
  workspace: (node, shapes) => ({ temporaryBytes: [], scratchBytes: tile(node, shapes).scratchBytes }),
  weights(node) {
    const weight = weightPacking(geometry(node));
    return node.weights.bias === undefined
      ? [weight]
      : [weight, vectorPacking('bias', 'bias', geometry(node).o)];
  },
  opaqueBytes(node, shapes) {
    const { tileRows, tileCols } = tile(node, shapes);
    const [, , outH, outW] = outputDims(shapes);
    return leftBytes(shapes, Math.ceil(outH / tileRows) * Math.ceil(outW / tileCols));
  },
  records(node, shapes, operands) {
    const { inputs, output, scratch, weights } = operands;
    const { o, kh, kw, packing } = geometry(node);
    const { stride, dilation, padding, paddingMode, activation } = node.attributes;
    const [n, c, h, w] = dimsAt(shapes.dims.inputs, 0);
    const [, , outH, outW] = outputDims(shapes);
    return [
      record({
        scratch,
        ...tile(node, shapes),
        x: operandAt(inputs, 0),
        weight: weightAt(weights, 'weight'),
        bias: weightAt(weights, 'bias'),
        y: output,
        n,
        c,
        h,
        w,
        o,
        outH,
        outW,
        kh,
        kw,
        strideH: stride[0],
        strideW: stride[1],
        dilationH: dilation[0],
        dilationW: dilation[1],
        padTop: padding[0],
        padLeft: padding[2],
        padMode: PADDING_CODES[paddingMode],
        activation: ACTIVATION_CODES[activation],
        packing,
        ...fusedFields(node, shapes, operands),
      }),
    ];
  },
  flops(node, shapes) {
    const { c, kh, kw } = geometry(node);
    return 2 * c * kh * kw * elems(outputDims(shapes));
  },
};
