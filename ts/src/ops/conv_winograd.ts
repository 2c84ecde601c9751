/** conv_winograd: convolution by Winograd's algorithms. Which convolutions take which is decided in graph/choose.ts; winograd_division.ts divides the work. */
import type { Node } from '../graph/ir.js';
import { fusedFields, leftBytes } from './conv_normalize.js';
import { packingOf } from './conv_tiles.js';
import { panelPacking } from './conv2d.js';
import type { OpDescriptor, PlacedShapes, WeightPacking } from './descriptor.js';
import { packConvWinograd, convWinograd as record } from './records.gen.js';
import {
  ACTIVATION_CODES,
  dimsAt,
  elems,
  operandAt,
  outputDims,
  PADDING_CODES,
  vectorPacking,
  weightAt,
} from './tiles.js';
import { ALGORITHMS, squaresOf, transformedBytes } from './winograd_algorithms.js';
import { type Division, divide } from './winograd_division.js';

interface Geometry {
  readonly o: number;
  readonly c: number;
  readonly kh: number;
  readonly kw: number;
}

const TRANSPOSED = 'F(8x8, 3x3) * 2';

function geometry({ weights, attributes }: Node<'conv_winograd'>): Geometry {
  const [first = 1, second = 1, kh = 1, kw = 1] = weights.weight?.shape ?? [];
  return attributes.algorithm === TRANSPOSED
    ? { o: second, c: first, kh, kw }
    : { o: first, c: second, kh, kw };
}

function division(node: Node<'conv_winograd'>, shapes: PlacedShapes): Division {
  const [samples, , rows, cols] = outputDims(shapes);
  return divide({ algorithm: node.attributes.algorithm, samples, rows, cols, ...geometry(node) });
}

/** What both records of weights are told besides their operands. */
function packFields(node: Node<'conv_winograd'>) {
  const { algorithm } = node.attributes;
  const sizes = geometry(node);
  return { ...sizes, algorithm: ALGORITHMS[algorithm].code, packing: packingOf(sizes) };
}

function weightPacking(node: Node<'conv_winograd'>): WeightPacking {
  const { o, c, kh, kw } = geometry(node);
  const { algorithm, weights } = node.attributes;
  if (weights === 'transformed in each run') return panelPacking(o, c, kh, kw);
  return {
    role: 'weight',
    from: ['weight'],
    key: `conv_winograd:${algorithm}:${o}x${c}x${kh}x${kw}`,
    bytes: transformedBytes({ algorithm, o, c, kh, kw }),
    records: ([src = 0], y) => [packConvWinograd({ ...packFields(node), src, y, packed: 0 })],
  };
}

export const convWinograd: OpDescriptor<'conv_winograd'> = {
  op: 'conv_winograd',
  inPlace: [],
  dims(_node, shapes) {
    const [n = 1, c = 1, h = 1, w = 1] = shapes.inputs[0] ?? [];
    const [outN = 1, outC = 1, outH = 1, outW = 1] = shapes.output;
    return { inputs: [[n, c, h, w]], output: [outN, outC, outH, outW] };
  },
  workspace(node, shapes) {
    const { algorithm, weights } = node.attributes;
    const anew = weights === 'transformed in each run';
    return {
      temporaryBytes: anew ? [transformedBytes({ algorithm, ...geometry(node) })] : [],
      scratchBytes: division(node, shapes).scratchBytes,
    };
  },
  weights(node) {
    const weight = weightPacking(node);
    return node.weights.bias === undefined
      ? [weight]
      : [weight, vectorPacking('bias', 'bias', geometry(node).o)];
  },
  opaqueBytes(node, shapes) {
    const [, , rows, cols] = outputDims(shapes);
    const [down, across] = squaresOf(ALGORITHMS[node.attributes.algorithm], rows, cols);
    const { tileRows, tileCols } = division(node, shapes);
    return leftBytes(shapes, Math.ceil(down / tileRows) * Math.ceil(across / tileCols));
  },
  records(node, shapes, operands) {
    const { inputs, output, temporaries, scratch, weights } = operands;
    const { algorithm, padding, paddingMode, activation } = node.attributes;
    const [n, c, h, w] = dimsAt(shapes.dims.inputs, 0);
    const [, , outH, outW] = outputDims(shapes);
    const stored = weightAt(weights, 'weight');
    const [temporary] = temporaries;
    const { cost: _, ...divided } = division(node, shapes);
    const convolution = record({
      scratch,
      ...divided,
      x: operandAt(inputs, 0),
      weight: temporary ?? stored,
      bias: weightAt(weights, 'bias'),
      y: output,
      n,
      c,
      h,
      w,
      o: geometry(node).o,
      outH,
      outW,
      padTop: padding[0],
      padLeft: padding[2],
      padMode: PADDING_CODES[paddingMode],
      activation: ACTIVATION_CODES[activation],
      algorithm: ALGORITHMS[algorithm].code,
      ...fusedFields(node, shapes, operands),
    });
    return temporary === undefined
      ? [convolution]
      : [packConvWinograd({ ...packFields(node), src: stored, y: temporary, packed: 1 }), convolution];
  },
  flops(node, shapes) {
    const { c, o, kh, kw } = geometry(node);
    // As of the direct algorithm: each input pixel of a transposed convolution meets the whole kernel.
    if (node.attributes.algorithm === TRANSPOSED)
      return 2 * o * kh * kw * elems(dimsAt(shapes.dims.inputs, 0));
    return 2 * c * kh * kw * elems(outputDims(shapes));
  },
};
