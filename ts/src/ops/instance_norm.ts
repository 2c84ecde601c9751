/**
 * instance_norm: statistics of each plane and their application, a plane after the other while a cache holds it; then a program. What is larger, or
 * of too few planes, is `statistics` and `pointwise`.
 */
import type { Call, OpDescriptor } from './descriptor.js';
import { epilogueFields } from './epilogue.js';
import type { Measured } from './kernels.js';
import { blocked, type Dims, vectorLayout } from './layout.js';
import { repeatedDims } from './pointwise_walk.js';
import { programFields } from './program_fields.js';
import { instanceNorm as record } from './records.gen.js';
import { CONSTANTS_BYTES } from './statistics.js';
import { channelBlocks, elems, operandAt } from './tiles.js';

/** Where the operands of the program stand among the inputs, which begin with x, weight and bias. */
const OPERANDS_AT = 3;
/** Pixels of the largest plane that a core's second cache holds from the first look at it to the second: 1 MB. */
const MOST_PLANE_PX = 65536;
/** Fewer planes would leave workers idle. */
const LEAST_PLANES = 8;

/** Steps of the program for which a tile of the largest plane has time. */
const STEPS_OF_LARGEST = 2;

/** Whether statistics are taken and applied a plane after the other, in one record, before so many steps. */
export function isByPlane({ dims, statistics, groups }: Omit<Measured, 'eps'>, steps: number): boolean {
  const [n, c, h, w] = dims;
  const planes = n * channelBlocks(c);
  const [most, mostSteps] = [MOST_PLANE_PX, STEPS_OF_LARGEST * MOST_PLANE_PX];
  const fits = h * w <= most && h * w * steps <= mostSteps && planes >= LEAST_PLANES;
  return statistics === 'input' && groups === c && fits;
}

/** N C H W of the program's operands. */
function operandDims({ attributes: { dims }, inputs, outputs }: Call<'instance_norm'>): Dims[] {
  return inputs.slice(OPERANDS_AT).map((operand) => {
    const own = repeatedDims(dims, outputs[0] ?? [], operand ?? []);
    if (own === null) throw new RangeError('an operand that does not lie as x does');
    return own;
  });
}

export const instanceNorm: OpDescriptor<'instance_norm'> = {
  op: 'instance_norm',
  inPlace: [0, OPERANDS_AT, OPERANDS_AT + 1],
  layouts(call) {
    const lies = blocked(call.attributes.dims);
    const [, weight, bias] = call.inputs;
    return {
      inputs: [lies, vectorLayout(weight), vectorLayout(bias), ...operandDims(call).map(blocked)],
      outputs: [lies],
    };
  },
  workspace: () => ({ temporaryBytes: [], scratchBytes: CONSTANTS_BYTES }),
  records(call, { inputs, outputs, scratch }) {
    const { dims, eps, program } = call.attributes;
    const [n, c, h, w] = dims;
    const operands = operandDims(call).map((shape, k) => ({
      shape,
      operand: operandAt(inputs, OPERANDS_AT + k),
    }));
    return [
      record({
        scratch,
        scratchBytes: CONSTANTS_BYTES,
        x: operandAt(inputs, 0),
        gamma: operandAt(inputs, 1),
        beta: operandAt(inputs, 2),
        y: operandAt(outputs, 0),
        n,
        c,
        h,
        w,
        eps,
        ...programFields(program),
        ...epilogueFields(dims, operands),
      }),
    ];
  },
  // Mean and M2: 4; subtract, scale, shift: 3.
  flops: ({ attributes: { dims, program } }) => (7 + program.length) * elems(dims),
};
