/**
 * normalize: y = activation((x - m) * s + b) [+ residual]. The three constants a channel are given by another node (statistics, or stored ones),
 * or made first: records of their own leave them in a temporary, or a plane's are made just before they are applied to it.
 */
import { type Call, NO_WORKSPACE, type OpDescriptor, type Operand, type RecordWords } from './descriptor.js';
import type { Kernels, Measured } from './kernels.js';
import { blocked, vectorLayout } from './layout.js';
import { instanceNorm, normalize as record } from './records.gen.js';
import { chunkPx, constantsBytes, constantsRecord, momentsRecord, ownMomentsBytes } from './statistics.js';
import { ACTIVATION_CODES, channelBlocks, elems, operandAt } from './tiles.js';

type Attributes = Kernels['normalize'];

/** The attributes, where statistics are taken of the input. */
function measured({ dims, statistics, groups, eps }: Attributes): Measured | null {
  return statistics === 'given' ? null : { dims, statistics, groups, eps };
}

/** Pixels of the largest plane that a core's second cache holds from the first look at it to the second: 1 MB. */
const MOST_PLANE_PX = 65536;
/** Fewer planes would leave workers idle. */
const LEAST_PLANES = 8;

/** Whether statistics are taken and applied a plane after the other, in one record. */
export function isByPlane({
  dims,
  statistics,
  groups,
}: Pick<Attributes, 'dims' | 'statistics' | 'groups'>): boolean {
  const [n, c, h, w] = dims;
  const planes = n * channelBlocks(c);
  return statistics === 'input' && groups === c && h * w <= MOST_PLANE_PX && planes >= LEAST_PLANES;
}

/** Sets of constants: one a sample, or one for all. */
function constantsN({ attributes: { dims, statistics }, inputs }: Call<'normalize'>): number {
  if (statistics === 'given') return inputs[1]?.[0] ?? 1;
  return statistics === 'input' ? dims[0] : 1;
}

/** The pass over memory. */
function apply(
  call: Call<'normalize'>,
  operands: {
    readonly x: Operand;
    readonly y: Operand;
    readonly residual: Operand;
    readonly constants: Operand;
  },
): RecordWords {
  const { dims, activation } = call.attributes;
  const [n, c, h, w] = dims;
  return record({
    ...operands,
    n,
    c,
    h,
    w,
    constantsN: constantsN(call),
    activation: ACTIVATION_CODES[activation],
    chunkPx: chunkPx(dims),
  });
}

export const normalize: OpDescriptor<'normalize'> = {
  op: 'normalize',
  inPlace: [0, 4],
  layouts({ attributes: { dims }, inputs: [, , weight, bias, residual] }) {
    const lies = blocked(dims);
    return {
      inputs: [lies, null, vectorLayout(weight), vectorLayout(bias), residual === null ? null : lies],
      outputs: [lies],
    };
  },
  workspace({ attributes }) {
    const of = measured(attributes);
    if (of === null || isByPlane(attributes)) return NO_WORKSPACE;
    return {
      temporaryBytes: [constantsBytes(of.dims, of.statistics), ownMomentsBytes(of.dims)],
      scratchBytes: 0,
    };
  },
  records(call, { inputs, outputs, temporaries }) {
    const of = measured(call.attributes);
    const [x, given, gamma, beta] = [0, 1, 2, 3].map((at) => operandAt(inputs, at)) as [
      Operand,
      Operand,
      Operand,
      Operand,
    ];
    const [y, residual] = [operandAt(outputs, 0), operandAt(inputs, 4)];
    if (of === null) return [apply(call, { x, y, residual, constants: given })];
    if (isByPlane(call.attributes)) {
      const { dims, eps, activation } = call.attributes;
      const [n, c, h, w] = dims;
      const code = ACTIVATION_CODES[activation];
      return [instanceNorm({ x, y, residual, gamma, beta, n, c, h, w, activation: code, eps })];
    }
    const [constants, partials] = [operandAt(temporaries, 0), operandAt(temporaries, 1)];
    return [
      momentsRecord(of.dims, x, partials),
      constantsRecord(of, { partials, bytes: ownMomentsBytes(of.dims) }, { gamma, beta }, constants),
      apply(call, { x, y, residual, constants }),
    ];
  },
  // Mean and M2, where they are taken here: 4; subtract, scale, shift: 3.
  flops: ({ attributes }) => (measured(attributes) === null ? 3 : 7) * elems(attributes.dims),
};
