/** view: the same elements in row-major order under another shape, as torch.Tensor.view and ONNX's Reshape. */
import { ShapeError } from '../../errors.js';
import { numel, type Shape, sameShape, spell } from '../../tensor/shape.js';
import { allRows, floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Input: x of any rank. */
export interface View {
  readonly shape: Shape;
}

export const view: Operator<View> = {
  roles: ['input'],
  infer({ shape }, inputs, caller) {
    const from = shapeAt(inputs, 0);
    if (numel(from) === numel(shape)) return [floats(shape)];
    throw new ShapeError('the numbers of elements differ', {
      op: caller,
      got: `shape ${spell(shape)}`,
      wanted: `${numel(from)} elements, as in ${spell(from)}`,
    });
  },
  lower: ({ outputs: [shape] }, to) => [to.view(to.x, shape ?? [])],
  rows(use, rows) {
    const [from, to] = [use.inputs[0] ?? [], use.attributes.shape];
    return sameShape(from.slice(-2), to.slice(-2)) ? sameRows(use, rows) : allRows(use);
  },
};
