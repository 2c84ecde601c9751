/** Weights of layers and functions, as operands of the current trace. */
import { hintFor } from '../../copies.js';
import { ArgumentError, UnsupportedError } from '../../errors.js';
import { Expression } from '../../graph/expression.js';
import { input } from '../../graph/methods/operand.js';
import type { Value } from '../../graph/value.js';
import { shown } from '../../spell.js';

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
