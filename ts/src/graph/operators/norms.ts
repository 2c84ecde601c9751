/** What the normalisations check and lower alike. */
import { ShapeError } from '../../errors.js';
import { splitRow } from '../../ops/factor.js';
import type { Kernels, Measured } from '../../ops/kernels.js';
import type { Dims } from '../../ops/layout.js';
import { numel, type Shape, spell } from '../../tensor/shape.js';
import type { ValueId } from '../graph.js';
import { checkShape } from './conv_checks.js';
import type { Lowering, ValueType } from './operator.js';

/** N C H W of a shape whose axis 1 is the channels. */
export function channelDims(shape: Shape): Dims {
  const spatial = shape.slice(2);
  const [rows, columns] =
    spatial.length <= 1 ? splitRow(spatial[0] ?? 1) : [numel(spatial.slice(0, -1)), spatial.at(-1) ?? 1];
  return [shape[0] ?? 1, shape[1] ?? 1, rows, columns];
}

/** @throws {@link ShapeError} for fewer axes than `least` */
export function checkRank(shape: Shape, least: number, caller: string): void {
  if (shape.length >= least) return;
  throw new ShapeError('wrong rank', {
    op: caller,
    got: `${shape.length}-D input ${spell(shape)}`,
    wanted: `at least ${least}-D [N, C, ...]`,
  });
}

/** Weight and bias of C channels, where they are there. */
export function checkAffine(inputs: readonly (ValueType | null)[], shape: Shape, caller: string): void {
  checkShape(inputs[1], shape, 'weight', caller);
  checkShape(inputs[2], shape, 'bias', caller);
}

/** One value alone has no variance. */
export function tooFewValues(
  what: string,
  shape: Shape,
  wanted: string,
  caller: string,
  hint?: string,
): ShapeError {
  return new ShapeError(what, {
    op: caller,
    got: `input ${spell(shape)}`,
    wanted,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A normalisation by statistics of its input. */
export function lowerMeasured(measured: Measured, shape: Shape, to: Lowering): ValueId {
  return to.append(
    'normalize',
    [to.x, null, to.inputs[1] ?? null, to.inputs[2] ?? null, null],
    plain(measured),
    shape,
  );
}

/** Without anything fused. */
export function plain(measured: Measured<'input' | 'batch' | 'given'>): Kernels['normalize'] {
  return { ...measured, activation: 'none' };
}
