/** What all convolutions plan and take over alike: layouts, and from the normalisations around them constants applied as they load, moments left as they store. */
import type { Call, LaidOutCall, Layouts, Operands } from './descriptor.js';
import type { Load } from './kernels.js';
import { blocked, type Packing, packed, raw, vectorLayout } from './layout.js';
import { momentsBytes } from './statistics.js';
import { ACTIVATION_CODES, operandAt, pictureDims } from './tiles.js';

export type ConvolutionName = 'conv2d' | 'conv_depthwise' | 'conv_winograd' | 'conv_transpose2d';

const LOAD_ACTIVATIONS = { plain: 0, normalized: 0, 'normalized-relu': 1 } as const satisfies Record<
  Load,
  number
>;

/** Pictures in, a picture out, and moments of `parts` tiles of each plane where they are asked for. */
export function convolutionLayouts(
  { inputs: [x, , bias], outputs: [y, moments] }: Call<ConvolutionName>,
  weight: Packing,
  parts: () => number,
): Layouts {
  const output = pictureDims(y);
  return {
    inputs: [blocked(pictureDims(x)), packed(weight), vectorLayout(bias), null],
    outputs: [blocked(output), ...(moments === undefined ? [] : [raw(momentsBytes(output, parts()))])],
  };
}

/** Fields that the records of all convolutions have. */
export function fusedFields(
  { attributes: { load, activation }, inputs: shapes }: LaidOutCall<ConvolutionName>,
  { inputs, outputs }: Operands,
) {
  return {
    x: operandAt(inputs, 0),
    bias: inputs[2] ?? 0,
    y: operandAt(outputs, 0),
    activation: ACTIVATION_CODES[activation],
    moments: outputs[1] ?? 0,
    constants: load === 'plain' ? 0 : operandAt(inputs, 3),
    constantsN: load === 'plain' ? 1 : (shapes[3]?.[0] ?? 1),
    loadActivation: LOAD_ACTIVATIONS[load],
  };
}
