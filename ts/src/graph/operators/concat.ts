/** concat: values one behind the other along an axis, as torch.cat and ONNX's Concat. */
import { ShapeError } from '../../errors.js';
import { spell } from '../../tensor/shape.js';
import { floats, type NeededRows, type Operator, sameRows, shapeAt } from './operator.js';

/** Inputs: one or more, of equal sizes but along `axis`. */
export interface Concat {
  /** >= 0 */
  readonly axis: number;
}

export const concat: Operator<Concat> = {
  roles: [],
  infer({ axis }, inputs, caller) {
    const first = shapeAt(inputs, 0);
    let total = 0;
    for (const [index] of inputs.entries()) {
      const shape = shapeAt(inputs, index);
      const fits =
        shape.length === first.length && shape.every((size, at) => at === axis || size === first[at]);
      if (!fits) {
        throw new ShapeError('the shapes do not go together', {
          op: caller,
          got: `${spell(shape)} beside ${spell(first)}`,
          wanted: `equal sizes but along axis ${axis}`,
        });
      }
      total += shape[axis] ?? 1;
    }
    return [floats(first.map((size, at) => (at === axis ? total : size)))];
  },
  lower: ({ attributes: { axis }, outputs: [shape] }, to) => [
    to.append('concat', to.inputs, { axis }, shape ?? []),
  ],
  rows(use, rows) {
    const rank = use.outputs[0]?.length ?? 0;
    if (use.attributes.axis !== rank - 2) return sameRows(use, rows);
    let before = 0;
    return use.inputs.map((shape): NeededRows => {
      const size = shape?.at(-2) ?? 1;
      const first = Math.max(0, rows.first - before);
      const last = Math.min(size - 1, rows.last - before);
      before += size;
      return first <= last ? { first, last } : null;
    });
  },
};
