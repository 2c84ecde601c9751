/** Operands of layers and functions: numbers of the current trace. */
import { ArgumentError } from '../../errors.js';
import { spell } from '../../tensor/shape.js';
import type { Expression } from '../expression.js';
import { recorder } from '../recorder.js';
import type { Value } from '../value.js';

/** A value of numbers, not of raw pixels. @throws {@link ArgumentError} otherwise */
export function float32(value: Value, op: string): Value {
  if (value.dtype === 'float32') return value;
  throw new ArgumentError('raw pixels where numbers belong', {
    op,
    got: `uint8 ${spell(value.shape)}`,
    wanted: 'float32',
  });
}

/** Takes `x` into the current trace as numbers. */
export function input(x: Expression, op: string): Value {
  return float32(recorder(op).operand(x, op), op);
}
