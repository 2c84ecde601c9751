/** permute: the axes in another order, as torch.permute and ONNX's Transpose. */
import { denseStrides } from '../../tensor/shape.js';
import { allRows, floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Input: x of any rank. */
export interface Permute {
  /** The input's axis that becomes each of the output's. */
  readonly order: readonly number[];
}

export const permute: Operator<Permute> = {
  roles: ['input'],
  infer({ order }, inputs) {
    const shape = shapeAt(inputs, 0);
    return [floats(order.map((axis) => shape[axis] ?? 1))];
  },
  lower({ attributes: { order }, inputs: [x], outputs: [sizes] }, to) {
    const strides = denseStrides(x ?? []);
    const map = { sizes: sizes ?? [], strides: order.map((axis) => strides[axis] ?? 0), start: 0 };
    return [to.append('move', [to.x], map, sizes ?? [])];
  },
  rows(use, rows) {
    const { order } = use.attributes;
    const rank = order.length;
    return rank > 1 && order[rank - 2] === rank - 2 ? sameRows(use, rows) : allRows(use);
  },
};
