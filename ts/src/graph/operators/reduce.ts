/** reduce: mean or variance over axes, as torch.mean and torch.var. */
import { mergeAxes } from '../../ops/factor.js';
import type { Dims } from '../../ops/layout.js';
import type { Shape } from '../../tensor/shape.js';
import { allRows, floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Input: x of any rank. */
export interface Reduce {
  readonly kind: 'mean' | 'var';
  readonly axes: readonly number[];
  /** Keep the reduced axes with size 1. */
  readonly keepdim: boolean;
  /** Divide by count - 1. */
  readonly unbiased: boolean;
}

/** x as N C H W, and which of those are reduced. */
function factored(shape: Shape, axes: readonly number[], caller: string) {
  const merged = mergeAxes(
    shape,
    shape.map((_, axis) => (axes.includes(axis) ? 'reduced' : 'kept')),
    caller,
  );
  const lead = 4 - merged.sizes.length;
  const at = (index: number): number => merged.sizes[index - lead] ?? 1;
  const dims: Dims = [at(0), at(1), at(2), at(3)];
  const reduced = ([0, 1, 2, 3] as const).filter((axis) => merged.tags[axis - lead] === 'reduced');
  return { dims, reduced };
}

export const reduce: Operator<Reduce> = {
  roles: ['input'],
  infer({ axes, keepdim }, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    factored(shape, axes, caller);
    if (keepdim) return [floats(shape.map((size, axis) => (axes.includes(axis) ? 1 : size)))];
    return [floats(shape.filter((_, axis) => !axes.includes(axis)))];
  },
  lower({ attributes: { kind, axes, unbiased }, inputs: [x], outputs: [y] }, to) {
    const { dims, reduced } = factored(x ?? [], axes, kind);
    const kept = dims.map((size, axis) => (reduced.some((one) => one === axis) ? 1 : size));
    const told = { dims, axes: reduced, kind, unbiased };
    return [to.view(to.append('reduce', [to.x], told, kept), y ?? [])];
  },
  rows(use, rows) {
    const rank = use.inputs[0]?.length ?? 0;
    const { axes, keepdim } = use.attributes;
    const keepsRows = !axes.includes(rank - 2) && (keepdim || axes.every((axis) => axis < rank - 2));
    return keepsRows ? sameRows(use, rows) : allRows(use);
  },
};
