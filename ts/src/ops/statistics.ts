/**
 * statistics: the constants that a normalisation applies, from moments of parts: those that a convolution's tiles have left, or a pass of its own.
 */
import { NO_WORKSPACE, type OpDescriptor, type Operand, type RecordWords } from './descriptor.js';
import type { Measured } from './kernels.js';
import { blocked, type Dims, layoutBytes, raw, vectorLayout } from './layout.js';
import { partialMoments, statistics as record } from './records.gen.js';
import { CHUNK_PX, channelBlocks, elems, LANES, operandAt } from './tiles.js';

/** m, s and b, each a vector of four channels. */
export const CONSTANTS_BYTES = 3 * LANES * 4;
/** Count, mean and M2 of each lane in float64. */
const PARTIAL_BYTES = 3 * LANES * 8;

/** Pixels a tile: the whole plane when it is small. */
function chunkPx([, , h, w]: Dims): number {
  return Math.min(CHUNK_PX, h * w);
}

/** Bytes of `parts` moments of each plane of these dims. */
export function momentsBytes([n, c]: Dims, parts: number): number {
  return n * channelBlocks(c) * parts * PARTIAL_BYTES;
}

/** Bytes of the moments that a pass over a value leaves. */
function ownMomentsBytes(dims: Dims): number {
  return momentsBytes(dims, Math.ceil((dims[2] * dims[3]) / chunkPx(dims)));
}

/** Bytes of constants: a set a sample, or one for all. */
export function constantsBytes([n, c]: Dims, statistics: 'input' | 'batch' | 'running'): number {
  return (statistics === 'input' ? n : 1) * channelBlocks(c) * CONSTANTS_BYTES;
}

/** Operands of a normalisation's affine weights; 0 where there are none. */
export interface AffineOperands {
  readonly gamma: Operand;
  readonly beta: Operand;
}

/** The pass that leaves moments of x. */
export function momentsRecord(dims: Dims, x: Operand, partials: Operand): RecordWords {
  const [n, c, h, w] = dims;
  return partialMoments({ x, partials, n, c, h, w, chunkPx: chunkPx(dims) });
}

/** The merge of moments, which take `bytes`, to constants. */
export function constantsRecord(
  { dims, statistics, groups, eps }: Measured,
  moments: { readonly partials: Operand; readonly bytes: number },
  affine: AffineOperands,
  constants: Operand,
): RecordWords {
  const [n, c] = dims;
  return record({
    partials: moments.partials,
    ...affine,
    constants,
    n,
    c,
    parts: moments.bytes / momentsBytes(dims, 1),
    groups,
    acrossBatch: statistics === 'batch' ? 1 : 0,
    eps,
  });
}

export const statistics: OpDescriptor<'statistics'> = {
  op: 'statistics',
  inPlace: [],
  layouts({ attributes: { dims, of, statistics: kind }, inputs: [, weight, bias] }) {
    return {
      inputs: [of === 'values' ? blocked(dims) : null, vectorLayout(weight), vectorLayout(bias)],
      outputs: [raw(constantsBytes(dims, kind))],
    };
  },
  workspace: ({ attributes: { dims, of } }) =>
    of === 'values' ? { temporaryBytes: [ownMomentsBytes(dims)], scratchBytes: 0 } : NO_WORKSPACE,
  records({ attributes, layouts }, { inputs, outputs, temporaries }) {
    const [x, gamma, beta] = [operandAt(inputs, 0), operandAt(inputs, 1), operandAt(inputs, 2)];
    const constants = operandAt(outputs, 0);
    const { dims } = attributes;
    const [left] = layouts.inputs;
    if (attributes.of === 'moments' && left != null) {
      const moments = { partials: x, bytes: layoutBytes(left) };
      return [constantsRecord(attributes, moments, { gamma, beta }, constants)];
    }
    const partials = operandAt(temporaries, 0);
    const bytes = ownMomentsBytes(dims);
    return [
      momentsRecord(dims, x, partials),
      constantsRecord(attributes, { partials, bytes }, { gamma, beta }, constants),
    ];
  },
  // Mean and M2, where they are taken here.
  flops: ({ attributes: { dims, of } }) => (of === 'values' ? 4 * elems(dims) : 0),
};
