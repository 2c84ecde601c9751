/** Checks that layers and functions share: numbers, pairs, shapes of inputs. Each throws a typed error that says op, got and wanted. */
import { isPlainObject } from '../../brand.js';
import { ArgumentError, ShapeError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import { listedNames, shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';

/** A number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];

/**
 * Options: one plain object with no other than the given names.
 * @throws {@link ArgumentError} otherwise, since a number in PyTorch's position or a name in snake_case would go unheard
 */
export function checkOptions<T extends object>(
  options: T,
  op: string,
  names: readonly (keyof T & string)[],
): void {
  const wanted = `one object of ${names.join(', ')}`;
  if (!isPlainObject(options)) {
    const got = shown(options);
    const hint = "PyTorch's optional arguments come in one object, in camelCase.";
    throw new ArgumentError('not options', { op, got, wanted, hint });
  }
  const unknown = Object.keys(options).filter((name) => !(names as readonly string[]).includes(name));
  if (unknown.length === 0) return;
  throw new ArgumentError('no such option', { op, got: listedNames(unknown), wanted });
}

/** A whole number >= `least`. @throws {@link ArgumentError} otherwise */
export function whole(value: number, op: string, argument: string, least: number): number {
  if (Number.isSafeInteger(value) && value >= least && value < 2 ** 31) return value;
  throw new ArgumentError(`${argument} cannot be right`, {
    op,
    got: shown(value),
    wanted: `a whole number >= ${least}`,
  });
}

/** Two whole numbers >= `least`, the same one twice for a single number. @throws {@link ArgumentError} otherwise */
export function pair(value: Pair, op: string, argument: string, least: number): readonly [number, number] {
  if (Array.isArray(value)) {
    if (value.length === 2)
      return [whole(value[0], op, argument, least), whole(value[1], op, argument, least)];
    throw new ArgumentError(`${argument} cannot be right`, {
      op,
      got: shown(value),
      wanted: 'a number or a pair [height, width]',
    });
  }
  const both = whole(value as number, op, argument, least);
  return [both, both];
}

/** A yes or no, `otherwise` where it is left out. @throws {@link ArgumentError} for anything else */
export function flag(
  value: boolean | null | undefined,
  op: string,
  argument: string,
  otherwise: boolean,
): boolean {
  const given = value ?? otherwise;
  if (typeof given === 'boolean') return given;
  throw new ArgumentError(`${argument} cannot be right`, { op, got: shown(given), wanted: 'true or false' });
}

/** A number that is neither NaN nor infinite. @throws {@link ArgumentError} otherwise */
export function finite(value: number, op: string, argument: string): number {
  if (Number.isFinite(value)) return value;
  throw new ArgumentError(`${argument} cannot be right`, {
    op,
    got: shown(value),
    wanted: 'a finite number',
  });
}

/** An epsilon: finite and >= 0. @throws {@link ArgumentError} otherwise */
export function epsilon(value: number, op: string): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new ArgumentError('eps cannot be right', { op, got: shown(value), wanted: 'a finite number >= 0' });
}

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

/** The sizes N C H W of a batched or unbatched picture. @throws {@link ShapeError} for another rank */
export function picture(
  x: Value,
  op: string,
): { dims: readonly [number, number, number, number]; batched: boolean } {
  const [a, b, c, d] = x.shape;
  if (a !== undefined && b !== undefined && c !== undefined && x.shape.length <= 4) {
    if (d !== undefined) return { dims: [a, b, c, d], batched: true };
    return { dims: [1, a, b, c], batched: false };
  }
  throw new ShapeError('wrong rank', {
    op,
    got: `${x.shape.length}-D input ${spell(x.shape)}`,
    wanted: '4-D [N, C, H, W] or 3-D [C, H, W]',
    ...(x.shape.length === 2 ? { hint: 'A grey picture is [1, 1, H, W].' } : {}),
  });
}
