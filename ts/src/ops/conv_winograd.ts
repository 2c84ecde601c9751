/** conv_winograd: convolution by Winograd's algorithms. Which convolutions take which is decided in graph/choose.ts; winograd_division.ts divides the work. */
import { convolutionFields, convolutionLayouts } from './conv_around.js';
import { packingOf } from './conv_tiles.js';
import { panelPacking } from './conv2d.js';
import type { Call, OpDescriptor } from './descriptor.js';
import type { Packing } from './layout.js';
import { packConvWinograd, convWinograd as record } from './records.gen.js';
import { elems, PADDING_CODES, pictureDims } from './tiles.js';
import { ALGORITHMS, squaresOf, transformedBytes } from './winograd_algorithms.js';
import { type Division, divide } from './winograd_division.js';

interface Geometry {
  readonly o: number;
  readonly c: number;
  readonly kh: number;
  readonly kw: number;
}

const TRANSPOSED = 'F(8x8, 3x3) * 2';

function geometry({ inputs, attributes }: Call<'conv_winograd'>): Geometry {
  const [first, second, kh, kw] = pictureDims(inputs[1]);
  return attributes.algorithm === TRANSPOSED
    ? { o: second, c: first, kh, kw }
    : { o: first, c: second, kh, kw };
}

function division(call: Call<'conv_winograd'>): Division {
  const [samples, , rows, cols] = pictureDims(call.outputs[0]);
  return divide({ algorithm: call.attributes.algorithm, samples, rows, cols, ...geometry(call) });
}

/** What both records of weights are told besides their operands. */
function packFields(call: Call<'conv_winograd'>) {
  const { algorithm } = call.attributes;
  const sizes = geometry(call);
  return { ...sizes, algorithm: ALGORITHMS[algorithm].code, packing: packingOf(sizes) };
}

function weightPacking(call: Call<'conv_winograd'>): Packing {
  const { o, c, kh, kw } = geometry(call);
  const { algorithm, weights } = call.attributes;
  if (weights === 'transformed in each run') return panelPacking(o, c, kh, kw);
  return {
    key: `conv_winograd:${algorithm}:${o}x${c}x${kh}x${kw}`,
    bytes: transformedBytes({ algorithm, o, c, kh, kw }),
    records: (src, y) => [packConvWinograd({ ...packFields(call), src, y, packed: 0 })],
  };
}

export const convWinograd: OpDescriptor<'conv_winograd'> = {
  op: 'conv_winograd',
  inPlace: [],
  layouts(call) {
    const parts = (): number => {
      const [, , rows, cols] = pictureDims(call.outputs[0]);
      const [down, across] = squaresOf(ALGORITHMS[call.attributes.algorithm], rows, cols);
      const { tileRows, tileCols } = division(call);
      return Math.ceil(down / tileRows) * Math.ceil(across / tileCols);
    };
    return convolutionLayouts(call, weightPacking(call), parts);
  },
  workspace(call) {
    const { algorithm, weights } = call.attributes;
    const anew = weights === 'transformed in each run';
    return {
      temporaryBytes: anew ? [transformedBytes({ algorithm, ...geometry(call) })] : [],
      scratchBytes: division(call).scratchBytes,
    };
  },
  records(call, operands) {
    const { algorithm, padding, paddingMode } = call.attributes;
    const told = convolutionFields(call, operands);
    const [temporary] = operands.temporaries;
    const { cost: _, ...divided } = division(call);
    const convolution = record({
      ...told,
      ...divided,
      weight: temporary ?? told.weight,
      padTop: padding[0],
      padLeft: padding[2],
      padMode: PADDING_CODES[paddingMode],
      algorithm: ALGORITHMS[algorithm].code,
    });
    return temporary === undefined
      ? [convolution]
      : [packConvWinograd({ ...packFields(call), src: told.weight, y: temporary, packed: 1 }), convolution];
  },
  flops(call) {
    const { c, o, kh, kw } = geometry(call);
    // As of the direct algorithm: each input pixel of a transposed convolution meets the whole kernel.
    if (call.attributes.algorithm === TRANSPOSED) return 2 * o * kh * kw * elems(pictureDims(call.inputs[0]));
    return 2 * c * kh * kw * elems(pictureDims(call.outputs[0]));
  },
};
