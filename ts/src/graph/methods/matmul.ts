/** The product of matrices. */
import type { Expression } from '../expression.js';
import { recorder } from '../recorder.js';
import type { Value } from '../value.js';
import { input } from './operand.js';

/** As torch.matmul. @throws {@link ShapeError} where the shapes do not multiply */
export function matmul(x: Expression, other: Expression): Value {
  const op = 'matmul';
  return recorder(op).append('matmul', [input(x, op), input(other, op)], {}, op);
}
