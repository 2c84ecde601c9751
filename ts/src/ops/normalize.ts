/**
 * normalize: y = activation((x - m) * s + b) [+ residual]. Statistics of the input come from a record of their own, which leaves three constants
 * a channel in a temporary; running statistics become the same constants once, when the weights are packed.
 */
import type { Node } from '../graph/ir.js';
import { packBias, normalize as record, runningConstants, statistics } from '../graph/records.gen.js';
import type { OpDescriptor, WeightPacking } from './descriptor.js';
import { ACTIVATION_CODES, CHUNK_PX, channelBlocks, elems, LANES, operandAt, weightAt } from './tiles.js';

/** m, s and b, each a vector of four channels. */
const CONSTANTS_BYTES = 3 * LANES * 4;
/** Count, mean and M2 of each lane in float64. */
const PARTIAL_BYTES = 3 * LANES * 8;

/** Pixels a tile: the whole plane when it is small. */
function chunkPx({ attributes: { dims } }: Node<'normalize'>): number {
  return Math.min(CHUNK_PX, dims[2] * dims[3]);
}

/** Samples that have constants of their own. */
function constantsN({ attributes: { dims, statistics: kind } }: Node<'normalize'>): number {
  return kind === 'input' ? dims[0] : 1;
}

/** A [C] vector, dense, padded to whole vectors of eight as a convolution's bias is. */
export function vectorPacking(role: string, from: string, c: number): WeightPacking {
  const paddedC = Math.ceil(c / 8) * 8;
  return {
    role,
    from: [from],
    key: `vector:${paddedC}`,
    bytes: paddedC * 4,
    records: ([src = 0], y) => [packBias({ src, y, c, paddedC })],
  };
}

function runningPacking({ attributes: { dims, eps }, weights }: Node<'normalize'>): WeightPacking {
  const c = dims[1];
  const affine = ['weight', 'bias'].filter((role) => weights[role] !== undefined);
  return {
    role: 'constants',
    from: ['runningMean', 'runningVar', ...affine],
    key: `running:${eps}:${affine.join('+')}`,
    bytes: channelBlocks(c) * CONSTANTS_BYTES,
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

export const normalize: OpDescriptor<'normalize'> = {
  op: 'normalize',
  inPlace: [0, 1],
  dims({ attributes: { dims }, inputs }) {
    return { inputs: inputs.map(() => dims), output: dims };
  },
  workspace(node) {
    const { dims, statistics: kind } = node.attributes;
    if (kind === 'running') return { temporaryBytes: [], scratchBytes: 0 };
    const blocks = channelBlocks(dims[1]);
    const chunks = Math.ceil((dims[2] * dims[3]) / chunkPx(node));
    const constants = constantsN(node) * blocks * CONSTANTS_BYTES;
    return { temporaryBytes: [constants, dims[0] * blocks * chunks * PARTIAL_BYTES], scratchBytes: 0 };
  },
  weights(node) {
    if (node.attributes.statistics === 'running') return [runningPacking(node)];
    const c = node.attributes.dims[1];
    const present = ['weight', 'bias'].filter((role) => node.weights[role] !== undefined);
    return present.map((role) => vectorPacking(role, role, c));
  },
  records(node, _shapes, { inputs, output, temporaries, weights }) {
    const { dims, statistics: kind, groups, eps, activation, residual } = node.attributes;
    const [n, c, h, w] = dims;
    const x = operandAt(inputs, 0);
    const px = chunkPx(node);
    const running = kind === 'running';
    const constants = running ? weightAt(weights, 'constants') : operandAt(temporaries, 0);
    const apply = record({
      x,
      y: output,
      constants,
      residual: residual ? operandAt(inputs, 1) : 0,
      n,
      c,
      h,
      w,
      constantsN: constantsN(node),
      activation: ACTIVATION_CODES[activation],
      chunkPx: px,
    });
    if (running) return [apply];
    const measure = statistics({
      x,
      gamma: weightAt(weights, 'weight'),
      beta: weightAt(weights, 'bias'),
      constants,
      partials: operandAt(temporaries, 1),
      n,
      c,
      h,
      w,
      groups,
      acrossBatch: kind === 'batch' ? 1 : 0,
      eps,
      chunkPx: px,
    });
    return [measure, apply];
  },
  // Mean and M2: 4; subtract, scale, shift: 3.
  flops: (node) => (node.attributes.statistics === 'running' ? 3 : 7) * elems(node.attributes.dims),
};
