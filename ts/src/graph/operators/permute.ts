/** permute: the axes in another order, as torch.permute and ONNX's Transpose. */
import { UnsupportedError } from '../../errors.js';
import { isMovable, MOST_AXES } from '../../ops/element_map.js';
import type { ElementMap } from '../../ops/kernels.js';
import { dense } from '../../ops/layout.js';
import { denseStrides, type Shape, spell } from '../../tensor/shape.js';
import { allRows, floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Input: x of any rank. */
export interface Permute {
  /** The input's axis that becomes each of the output's. */
  readonly order: readonly number[];
}

function mapOf({ order }: Permute, shape: Shape): ElementMap {
  const strides = denseStrides(shape);
  const along = (list: Shape): number[] => order.map((axis) => list[axis] ?? 1);
  return { sizes: along(shape), strides: along(strides), start: 0 };
}

export const permute: Operator<Permute> = {
  roles: ['input'],
  infer(attributes, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    const map = mapOf(attributes, shape);
    if (isMovable(map, dense(shape), dense(shape))) return [floats(map.sizes)];
    throw new UnsupportedError(`more than ${MOST_AXES} groups of axes`, {
      op: caller,
      got: `dims ${spell(attributes.order)} of ${spell(shape)}`,
      wanted: `axes that stay together in at most ${MOST_AXES} groups`,
      hint: 'Use view to merge axes first.',
    });
  },
  lower({ attributes, inputs }, to) {
    const map = mapOf(attributes, shapeAt(inputs, 0));
    return [to.append('move', [to.x], map, map.sizes)];
  },
  rows(use, rows) {
    const { order } = use.attributes;
    const rank = order.length;
    return rank > 1 && order[rank - 2] === rank - 2 ? sameRows(use, rows) : allRows(use);
  },
};
