/** Checks of plain arguments: options, numbers, pairs. Each throws a typed error that says op, got and wanted. */
import { isPlainObject } from './brand.js';
import { ArgumentError } from './errors.js';
import { listedNames, shown } from './spell.js';

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

/** A number; infinite ones and NaN too, as in PyTorch. @throws {@link ArgumentError} otherwise */
export function number(value: number, op: string, argument: string): number {
  if (typeof value === 'number') return value;
  throw new ArgumentError(`${argument} cannot be right`, { op, got: shown(value), wanted: 'a number' });
}

/** An epsilon: finite and >= 0. @throws {@link ArgumentError} otherwise */
export function epsilon(value: number, op: string): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new ArgumentError('eps cannot be right', { op, got: shown(value), wanted: 'a finite number >= 0' });
}
