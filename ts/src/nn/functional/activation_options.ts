/** The numbers of activations, checked for functions and layers alike. */
import { checkOptions, number } from '../../check.js';
import { ArgumentError } from '../../errors.js';
import type { InplaceOptions } from '../../graph/methods/pointwise.js';

export interface HardtanhOptions extends InplaceOptions {
  /** Default -1. */
  readonly minVal?: number;
  /** Default 1. */
  readonly maxVal?: number;
}

/** Bounds of hardtanh. @throws {@link ArgumentError} for a smallest that is not below the largest */
export function hardtanhBounds(options: HardtanhOptions, op: string): readonly [least: number, most: number] {
  checkOptions(options, op, ['minVal', 'maxVal', 'inplace']);
  const least = number(options.minVal ?? -1, op, 'minVal');
  const most = number(options.maxVal ?? 1, op, 'maxVal');
  if (least < most) return [least, most];
  const got = `minVal ${least}, maxVal ${most}`;
  throw new ArgumentError('bounds that do not go upwards', { op, got, wanted: 'minVal < maxVal' });
}

export interface LeakyReluOptions extends InplaceOptions {
  /** What elements below 0 are multiplied by (default 0.01). */
  readonly negativeSlope?: number;
}

/** The slope of leakyRelu. @throws {@link ArgumentError} for one that is no number */
export function slopeOf(options: LeakyReluOptions, op: string): number {
  checkOptions(options, op, ['negativeSlope', 'inplace']);
  return number(options.negativeSlope ?? 0.01, op, 'negativeSlope');
}
