/**
 * statistics: the constants that a normalisation applies, from moments of parts: those that a convolution's tiles have left, or a pass of its own.
 */
import type { Dims, Node, OpAttributes } from '../graph/ir.js';
import type { OpDescriptor, Operand, RecordWords, WeightPacking } from './descriptor.js';
import { partialMoments, statistics as record } from './records.gen.js';
import { CHUNK_PX, channelBlocks, elems, LANES, operandAt, vectorPacking, weightAt } from './tiles.js';

/** m, s and b, each a vector of four channels. */
const CONSTANTS_BYTES = 3 * LANES * 4;
/** Count, mean and M2 of each lane in float64. */
const PARTIAL_BYTES = 3 * LANES * 8;

/** What is told of a normalisation whose statistics are its input's. */
export interface Measured {
  readonly dims: Dims;
  readonly statistics: OpAttributes['statistics']['statistics'];
  readonly groups: number;
  readonly eps: number;
}

/** Pixels a tile: the whole plane when it is small. */
export function chunkPx([, , h, w]: Dims): number {
  return Math.min(CHUNK_PX, h * w);
}

/** Bytes of `parts` moments of each plane of these dims. */
export function momentsBytes([n, c]: Dims, parts: number): number {
  return n * channelBlocks(c) * parts * PARTIAL_BYTES;
}

/** Bytes of the moments that a pass over a value leaves. */
export function ownMomentsBytes(dims: Dims): number {
  return momentsBytes(dims, Math.ceil((dims[2] * dims[3]) / chunkPx(dims)));
}

/** Bytes of constants: a set a sample, or one for all. */
export function constantsBytes([n, c]: Dims, statistics: 'input' | 'batch' | 'running'): number {
  return (statistics === 'input' ? n : 1) * channelBlocks(c) * CONSTANTS_BYTES;
}

/** The affine weights of a normalisation, as vectors. */
export function affinePackings(weights: Node['weights'], c: number): WeightPacking[] {
  const present = ['weight', 'bias'].filter((role) => weights[role] !== undefined);
  return present.map((role) => vectorPacking(role, role, c));
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
  weights: Readonly<Record<string, Operand>>,
  constants: Operand,
): RecordWords {
  const [n, c] = dims;
  return record({
    partials: moments.partials,
    gamma: weightAt(weights, 'weight'),
    beta: weightAt(weights, 'bias'),
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
  dims({ attributes: { dims, of } }) {
    return { inputs: [of === 'values' ? dims : null], output: null };
  },
  opaqueBytes: ({ attributes: { dims, statistics: kind } }) => constantsBytes(dims, kind),
  workspace: ({ attributes: { dims, of } }) => ({
    temporaryBytes: of === 'values' ? [ownMomentsBytes(dims)] : [],
    scratchBytes: 0,
  }),
  weights: ({ attributes: { dims }, weights }) => affinePackings(weights, dims[1]),
  records({ attributes }, { inputBytes }, { inputs, output, temporaries, weights }) {
    const x = operandAt(inputs, 0);
    const { dims } = attributes;
    if (attributes.of === 'moments') {
      return [constantsRecord(attributes, { partials: x, bytes: operandAt(inputBytes, 0) }, weights, output)];
    }
    const partials = operandAt(temporaries, 0);
    const bytes = ownMomentsBytes(dims);
    return [
      momentsRecord(dims, x, partials),
      constantsRecord(attributes, { partials, bytes }, weights, output),
    ];
  },
  // Mean and M2, where they are taken here.
  flops: ({ attributes: { dims, of } }) => (of === 'values' ? 4 * elems(dims) : 0),
};
