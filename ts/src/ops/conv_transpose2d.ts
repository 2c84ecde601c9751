/** conv_transpose2d: transposed convolution by sub-pixel decomposition. */
import type { Node } from '../graph/ir.js';
import { fusedFields, leftBytes } from './conv_normalize.js';
import { type ConvTile, convTile, pixelElems } from './conv_tiles.js';
import type { OpDescriptor, PlacedShapes, WeightPacking } from './descriptor.js';
import { packConvTranspose2d, convTranspose2d as record } from './records.gen.js';
import {
  ACTIVATION_CODES,
  dimsAt,
  elems,
  LANES,
  operandAt,
  outputDims,
  vectorPacking,
  weightAt,
} from './tiles.js';

interface Geometry {
  readonly c: number;
  readonly o: number;
  readonly kh: number;
  readonly kw: number;
}

function geometry({ weights }: Node<'conv_transpose2d'>): Geometry {
  const [c = 1, o = 1, kh = 1, kw = 1] = weights.weight?.shape ?? [];
  return { c, o, kh, kw };
}

/** Tiles count input pixels: each gives stride x stride outputs, which read the same staged input. */
function tile(node: Node<'conv_transpose2d'>, shapes: PlacedShapes): ConvTile {
  const { o, c, kh, kw } = geometry(node);
  const [samples, , outH, outW] = outputDims(shapes);
  const [strideH, strideW] = node.attributes.stride;
  return convTile({
    samples,
    rows: Math.ceil(outH / strideH),
    cols: Math.ceil(outW / strideW),
    outputs: o,
    flops: 2 * c * kh * kw,
    groupsRows: true,
    stagedBytes: (rows, px) =>
      (rows + Math.ceil(kh / strideH)) * (px + Math.ceil(kw / strideW)) * pixelElems(c) * 4,
  });
}

function weightPacking(node: Node<'conv_transpose2d'>): WeightPacking {
  const { o, c, kh, kw } = geometry(node);
  const [strideH, strideW] = node.attributes.stride;
  return {
    role: 'weight',
    from: ['weight'],
    key: `conv_transpose2d:${c}x${o}x${kh}x${kw}:${strideH}x${strideW}`,
    bytes: Math.ceil(o / LANES) * LANES * pixelElems(c) * kh * kw * 4,
    records: ([src = 0], y) => [packConvTranspose2d({ src, y, o, c, kh, kw, strideH, strideW })],
  };
}

export const convTranspose2d: OpDescriptor<'conv_transpose2d'> = {
  op: 'conv_transpose2d',
  inPlace: [],
  dims(_node, shapes) {
    const [n = 1, c = 1, h = 1, w = 1] = shapes.inputs[0] ?? [];
    const [outN = 1, outC = 1, outH = 1, outW = 1] = shapes.output;
    return { inputs: [[n, c, h, w]], output: [outN, outC, outH, outW] };
  },
  workspace: (node, shapes) => ({ temporaryBytes: [], scratchBytes: tile(node, shapes).scratchBytes }),
  weights(node) {
    const weight = weightPacking(node);
    return node.weights.bias === undefined
      ? [weight]
      : [weight, vectorPacking('bias', 'bias', geometry(node).o)];
  },
  opaqueBytes(node, shapes) {
    const { tileRows, tileCols } = tile(node, shapes);
    const [strideH, strideW] = node.attributes.stride;
    const [, , outH, outW] = outputDims(shapes);
    return leftBytes(shapes, Math.ceil(outH / (tileRows * strideH)) * Math.ceil(outW / (tileCols * strideW)));
  },
  records(node, shapes, operands) {
    const { inputs, output, scratch, weights } = operands;
    const { o, kh, kw } = geometry(node);
    const { stride, padding, activation } = node.attributes;
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
        padTop: padding[0],
        padLeft: padding[1],
        activation: ACTIVATION_CODES[activation],
        ...fusedFields(node, shapes, operands),
      }),
    ];
  },
  // Every input pixel meets the whole kernel, padding aside.
  flops(node, shapes) {
    const { o, kh, kw } = geometry(node);
    return 2 * o * kh * kw * elems(dimsAt(shapes.dims.inputs, 0));
  },
};
