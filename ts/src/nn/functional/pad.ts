/** Padding of the last one or two axes: constant, reflect, replicate. */
import { checkOptions, number } from '../../check.js';
import { ArgumentError, ShapeError, UnsupportedError } from '../../errors.js';
import type { Expression } from '../../graph/expression.js';
import { input } from '../../graph/methods/operand.js';
import { recorder } from '../../graph/recorder.js';
import type { Value } from '../../graph/value.js';
import type { PaddingMode } from '../../ops/kernels.js';
import { shown } from '../../spell.js';
import { spell } from '../../tensor/shape.js';

export interface PadOptions {
  /** 'constant' (default), 'reflect' or 'replicate'. */
  readonly mode?: 'constant' | 'reflect' | 'replicate';
  /** What 'constant' writes (default 0). */
  readonly value?: number;
}

/** The four numbers left, right, top, bottom of PyTorch's `pad`; a negative one crops. @throws {@link ArgumentError} for anything else */
export function checkPad(amounts: readonly number[], op: string): readonly [number, number, number, number] {
  const [left, right, top, bottom] = Array.isArray(amounts) ? amounts : [];
  const good =
    Array.isArray(amounts) && amounts.every((one) => Number.isSafeInteger(one) && Math.abs(one) < 2 ** 30);
  if (good && left !== undefined && right !== undefined) {
    if (amounts.length === 2) return [left, right, 0, 0];
    if (amounts.length === 4) return [left, right, top ?? 0, bottom ?? 0];
    if (amounts.length > 4 && amounts.length % 2 === 0) {
      throw new UnsupportedError('padding of more than two axes', {
        op,
        got: spell(amounts),
        wanted: '[left, right, top, bottom]',
      });
    }
  }
  throw new ArgumentError('padding cannot be right', {
    op,
    got: shown(amounts),
    wanted: 'whole numbers [left, right] or [left, right, top, bottom]',
  });
}

/** Pads a value whose layer or function is called `op`. */
export function padValue(x: Expression, amounts: readonly number[], options: PadOptions, op: string): Value {
  const value = input(x, op);
  const [left, right, top, bottom] = checkPad(amounts, op);
  const name = options.mode ?? 'constant';
  if (name !== 'constant' && name !== 'reflect' && name !== 'replicate') {
    throw new UnsupportedError('unknown padding mode', {
      op,
      got: shown(name),
      wanted: "'constant', 'reflect' or 'replicate'",
    });
  }
  const mode: PaddingMode = name === 'constant' ? 'zeros' : name;
  const rank = value.shape.length;
  const axes = amounts.length / 2;
  if (rank < axes || (mode !== 'zeros' && (rank < axes + 1 || rank > axes + 2))) {
    throw new ShapeError('wrong rank', {
      op,
      got: `${rank}-D input ${spell(value.shape)}`,
      wanted: axes === 2 ? '4-D [N, C, H, W] or 3-D [C, H, W]' : '3-D [N, C, W] or 2-D [C, W]',
    });
  }
  const pads = value.shape.map((_, axis): readonly [number, number] => {
    if (axis === rank - 1) return [left, right];
    return axis === rank - 2 ? [top, bottom] : [0, 0];
  });
  const filled = mode === 'zeros' ? number(options.value ?? 0, op, 'value') : 0;
  return recorder(op).append('pad', [value], { pads, mode, value: filled }, op);
}

/**
 * Pads the last axes: [left, right] or [left, right, top, bottom], as torch.nn.functional.pad. Negative amounts crop.
 * @throws {@link ShapeError} when reflection needs more than the picture has, or nothing is left
 */
export function pad(x: Expression, amounts: readonly number[], options: PadOptions = {}): Value {
  checkOptions(options, 'pad', ['mode', 'value']);
  return padValue(x, amounts, options, 'pad');
}
