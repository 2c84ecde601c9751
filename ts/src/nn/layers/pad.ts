/** Padding layers. */

import { number } from '../../check.js';
import { ArgumentError } from '../../errors.js';
import type { Value } from '../../graph/value.js';
import { checkPad, type PadOptions, padValue } from '../functional/pad.js';
import { inModule, kindOf, Module } from '../module.js';

/** One number for all sides, or [left, right, top, bottom]; negative ones crop. */
export type PadAmounts = number | readonly [left: number, right: number, top: number, bottom: number];

abstract class Pad2d extends Module {
  /** For nn/snapshot.ts: what lies in private fields never changes. */
  static readonly constantPrivates: boolean = true;
  readonly padding: readonly [number, number, number, number];
  readonly #options: PadOptions;

  constructor(padding: PadAmounts, options: PadOptions, op: string) {
    super();
    if (Array.isArray(padding) && padding.length !== 4) {
      throw new ArgumentError('padding cannot be right', {
        op,
        got: `${padding.length} numbers`,
        wanted: 'a number, or [left, right, top, bottom]',
      });
    }
    this.padding = checkPad(typeof padding === 'number' ? [padding, padding, padding, padding] : padding, op);
    this.#options = options;
  }

  /** @throws {@link ShapeError} when the picture is too small for the border */
  override forward(x: Value): Value {
    return inModule(this, () => padValue(x, this.padding, this.#options, kindOf(this)));
  }
}

/** Extends [N, C, H, W] or [C, H, W] by reflection, without repeating the edge. */
export class ReflectionPad2d extends Pad2d {
  static override readonly kind: string = 'ReflectionPad2d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(padding: PadAmounts) {
    super(padding, { mode: 'reflect' }, 'ReflectionPad2d');
  }
}

/** Extends [N, C, H, W] or [C, H, W] by repeating the edge. */
export class ReplicationPad2d extends Pad2d {
  static override readonly kind: string = 'ReplicationPad2d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(padding: PadAmounts) {
    super(padding, { mode: 'replicate' }, 'ReplicationPad2d');
  }
}

/** Extends [N, C, H, W] or [C, H, W] by zeros. */
export class ZeroPad2d extends Pad2d {
  static override readonly kind: string = 'ZeroPad2d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(padding: PadAmounts) {
    super(padding, { mode: 'constant', value: 0 }, 'ZeroPad2d');
  }
}

/** Extends [N, C, H, W] or [C, H, W] by `value`. */
export class ConstantPad2d extends Pad2d {
  static override readonly kind: string = 'ConstantPad2d';

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(padding: PadAmounts, value: number) {
    super(padding, { mode: 'constant', value: number(value, 'ConstantPad2d', 'value') }, 'ConstantPad2d');
  }
}
