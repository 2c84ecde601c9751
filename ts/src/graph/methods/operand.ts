/** Operands of layers and functions: numbers of the current trace. */
import { hintFor } from '../../copies.js';
import { ArgumentError, UnsupportedError } from '../../errors.js';
import { shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';
import { Expression } from '../expression.js';
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

/**
 * A weight: a parameter, or what is calculated of parameters or inputs.
 * @throws {@link ArgumentError} where there is none
 * @throws {@link UnsupportedError} for anything else
 */
export function weightOf(weight: Expression | null | undefined, op: string, role: string): Value {
  const given = optionalWeight(weight, op, role);
  if (given !== null) return given;
  throw new ArgumentError(`no ${role}`, { op, got: shown(weight), wanted: 'a Parameter' });
}

/** {@link weightOf}, or null where there is none. */
export function optionalWeight(
  weight: Expression | null | undefined,
  op: string,
  role: string,
): Value | null {
  if (weight === null || weight === undefined) return null;
  if (weight instanceof Expression) return input(weight, op);
  throw new UnsupportedError(`${role} is not a Parameter`, {
    op,
    got: shown(weight),
    wanted: 'a Parameter, or a value',
    ...hintFor(weight, 'Wrap numbers in new Parameter(tensor).'),
  });
}
