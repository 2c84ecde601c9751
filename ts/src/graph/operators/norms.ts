/** What the normalisations check and lower alike. */
import { ShapeError } from '../../errors.js';
import { splitRow } from '../../ops/factor.js';
import type { Measured } from '../../ops/kernels.js';
import type { Dims } from '../../ops/layout.js';
import { ofOperands } from '../../ops/pointwise_program.js';
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

/** The map of a normalisation: x is as `dims` under its shape. */
export function lowerMap(dims: Dims, x: ValueId, constants: ValueId, shape: Shape, to: Lowering): ValueId {
  return to.append('pointwise', [x, constants], { program: ofOperands('affine', 1), dims }, shape);
}

/** A normalisation by statistics of its input. */
export function lowerMeasured(
  measured: Measured,
  affine: readonly [weight: ValueId | null, bias: ValueId | null],
  shape: Shape,
  to: Lowering,
): ValueId {
  const { dims, statistics } = measured;
  const sets = [statistics === 'input' ? dims[0] : 1, dims[1]];
  const constants = to.append('statistics', [to.x, ...affine], { ...measured, of: 'values' }, sets, 'opaque');
  return lowerMap(dims, to.x, constants, shape, to);
}

/** Weight and bias of channels, as its inputs 1 and 2. */
export function affineOf({
  inputs: [, weight = null, bias = null],
}: Lowering): [ValueId | null, ValueId | null] {
  return [weight, bias];
}
