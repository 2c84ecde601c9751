/**
 * normalize: y = activation((x - m) * s + b) [+ residual]. The three constants a channel are given by another node (statistics, or stored ones
 * packed with the weights), or made first: records of their own leave them in a temporary, or a plane's are made just before they are applied to it.
 */
import type { Dims, Node, OpAttributes } from '../graph/ir.js';
import type { OpDescriptor, Operand, PlacedShapes, RecordWords, WeightPacking } from './descriptor.js';
import { instanceNorm, normalize as record, runningConstants } from './records.gen.js';
import {
  affinePackings,
  chunkPx,
  constantsBytes,
  constantsRecord,
  type Measured,
  momentsRecord,
  ownMomentsBytes,
} from './statistics.js';
import { ACTIVATION_CODES, channelBlocks, elems, operandAt, weightAt } from './tiles.js';

type Attributes = OpAttributes['normalize'];

/** The attributes, where statistics are taken of the input. */
function measured({ dims, statistics, groups, eps }: Attributes): Measured | null {
  return statistics === 'input' || statistics === 'batch' ? { dims, statistics, groups, eps } : null;
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
function constantsN({ dims, statistics }: Attributes, { inputs }: PlacedShapes): number {
  if (statistics === 'given') return inputs[1]?.[0] ?? 1;
  return statistics === 'input' ? dims[0] : 1;
}

/** Constants of stored statistics. */
export function runningPacking(
  { channels: c, eps }: OpAttributes['running_constants'],
  weights: Node['weights'],
): WeightPacking {
  const affine = ['weight', 'bias'].filter((role) => weights[role] !== undefined);
  return {
    role: 'constants',
    from: ['runningMean', 'runningVar', ...affine],
    key: `running:${eps}:${affine.join('+')}`,
    bytes: constantsBytes([1, c, 1, 1], 'running'),
    records(sources, constants) {
      const at = (role: string): number =>
        affine.includes(role) ? operandAt(sources, 2 + affine.indexOf(role)) : 0;
      const [mean, variance] = [operandAt(sources, 0), operandAt(sources, 1)];
      return [
        runningConstants({ mean, var: variance, gamma: at('weight'), beta: at('bias'), constants, c, eps }),
      ];
    },
  };
}

/** The pass over memory. */
function apply(
  node: Node<'normalize'>,
  shapes: PlacedShapes,
  operands: { readonly inputs: readonly Operand[]; readonly output: Operand; readonly constants: Operand },
): RecordWords {
  const { dims, statistics, activation, residual } = node.attributes;
  const [n, c, h, w] = dims;
  const { inputs, output: y, constants } = operands;
  return record({
    x: operandAt(inputs, 0),
    y,
    constants,
    residual: residual ? operandAt(inputs, statistics === 'given' ? 2 : 1) : 0,
    n,
    c,
    h,
    w,
    constantsN: constantsN(node.attributes, shapes),
    activation: ACTIVATION_CODES[activation],
    chunkPx: chunkPx(dims),
  });
}

export const normalize: OpDescriptor<'normalize'> = {
  op: 'normalize',
  inPlace: [0, 1, 2],
  dims({ attributes: { dims, statistics }, inputs }) {
    const isConstants = (at: number): boolean => statistics === 'given' && at === 1;
    return { inputs: inputs.map((_, at): Dims | null => (isConstants(at) ? null : dims)), output: dims };
  },
  workspace({ attributes }) {
    const of = measured(attributes);
    const temporaryBytes =
      of === null || isByPlane(attributes)
        ? []
        : [constantsBytes(of.dims, of.statistics), ownMomentsBytes(of.dims)];
    return { temporaryBytes, scratchBytes: 0 };
  },
  weights({ attributes: { dims, statistics, eps }, weights }) {
    if (statistics === 'given') return [];
    if (statistics === 'running') return [runningPacking({ channels: dims[1], eps }, weights)];
    return affinePackings(weights, dims[1]);
  },
  records(node, shapes, { inputs, output, temporaries, weights }) {
    const of = measured(node.attributes);
    if (of === null) {
      const given = node.attributes.statistics === 'given';
      const constants = given ? operandAt(inputs, 1) : weightAt(weights, 'constants');
      return [apply(node, shapes, { inputs, output, constants })];
    }
    if (isByPlane(node.attributes)) {
      const { dims, eps, activation, residual } = node.attributes;
      const [n, c, h, w] = dims;
      return [
        instanceNorm({
          x: operandAt(inputs, 0),
          y: output,
          residual: residual ? operandAt(inputs, 1) : 0,
          gamma: weightAt(weights, 'weight'),
          beta: weightAt(weights, 'bias'),
          n,
          c,
          h,
          w,
          activation: ACTIVATION_CODES[activation],
          eps,
        }),
      ];
    }
    const [constants, partials] = [operandAt(temporaries, 0), operandAt(temporaries, 1)];
    return [
      momentsRecord(of.dims, operandAt(inputs, 0), partials),
      constantsRecord(of, { partials, bytes: ownMomentsBytes(of.dims) }, weights, constants),
      apply(node, shapes, { inputs, output, constants }),
    ];
  },
  // Mean and M2, where they are taken here: 4; subtract, scale, shift: 3.
  flops: ({ attributes }) => (measured(attributes) === null ? 3 : 7) * elems(attributes.dims),
};
