/** Checks of weights. Apart from check.ts, which Parameter's own methods need before Parameter exists. */
import { hintFor } from '../../copies.js';
import { ShapeError, UnsupportedError } from '../../errors.js';
import type { Shape } from '../../graph/ir.js';
import { Parameter } from '../../graph/parameter.js';
import { shown } from '../../spell.js';
import { sameShape, spell } from '../../tensor/shape.js';

/** A weight of a function: a Parameter (or absent), of `shape` when that is given. */
export function weight(
  value: Parameter | null | undefined,
  op: string,
  role: string,
  shape?: Shape,
): Parameter | null {
  if (value === null || value === undefined) return null;
  if (!(value instanceof Parameter)) {
    throw new UnsupportedError(`${role} is not a Parameter`, {
      op,
      got: shown(value),
      wanted: 'a Parameter: computed weights are not supported',
      ...hintFor(value, 'Wrap numbers in new Parameter(tensor).'),
    });
  }
  if (shape !== undefined && !sameShape(value.shape, shape)) {
    throw new ShapeError(`wrong shape of ${role}`, { op, got: spell(value.shape), wanted: spell(shape) });
  }
  return value;
}
