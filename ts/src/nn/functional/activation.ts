/** Activations that are functions and no methods; all that is exported here is public. Their layers are in layers/activation.ts. */
import { checkOptions } from '../../check.js';
import type { Expression } from '../../graph/expression.js';
import { activation, clamp, type InplaceOptions, unary } from '../../graph/methods/pointwise.js';
import type { Value } from '../../graph/value.js';
import {
  type HardtanhOptions,
  hardtanhBounds,
  type LeakyReluOptions,
  slopeOf,
} from './activation_options.js';

export type { HardtanhOptions, LeakyReluOptions } from './activation_options.js';

/** min(max(x, 0), 6) of each element. @throws {@link ArgumentError} as {@link relu} */
export function relu6(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'relu6', ['inplace']);
  return activation(x, options, 'relu6', (value) => clamp(value, 0, 6, 'relu6'));
}

/** min(max(x, minVal), maxVal) of each element. @throws {@link ArgumentError} as {@link relu}, and for bounds that do not go upwards */
export function hardtanh(x: Expression, options: HardtanhOptions = {}): Value {
  const [least, most] = hardtanhBounds(options, 'hardtanh');
  return activation(x, options, 'hardtanh', (value) => clamp(value, least, most, 'hardtanh'));
}

/** x where it is above 0, elsewhere x times the slope. @throws {@link ArgumentError} as {@link relu} */
export function leakyRelu(x: Expression, options: LeakyReluOptions = {}): Value {
  const slope = slopeOf(options, 'leakyRelu');
  return activation(x, options, 'leakyRelu', (value) => unary('leaky_relu', value, [slope], 'leakyRelu'));
}

/** x * sigmoid(x) of each element. @throws {@link ArgumentError} as {@link relu} */
export function silu(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'silu', ['inplace']);
  return activation(x, options, 'silu', (value) => unary('silu', value));
}

/** x * tanh(log(1 + exp(x))) of each element. @throws {@link ArgumentError} as {@link relu} */
export function mish(x: Expression, options: InplaceOptions = {}): Value {
  checkOptions(options, 'mish', ['inplace']);
  return activation(x, options, 'mish', (value) => unary('mish', value));
}
