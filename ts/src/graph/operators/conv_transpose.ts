/** conv_transpose: transposed 2-D convolution, as torch.nn.functional.conv_transpose2d and ONNX's ConvTranspose. */
import { ShapeError } from '../../errors.js';
import type { Shape } from '../../tensor/shape.js';
import {
  checkChannels,
  checkReach,
  checkShape,
  likeInput,
  MOST_COORDINATE,
  pictureSizes,
  weightSizes,
} from './conv_checks.js';
import { floats, type Operator, shapeAt } from './operator.js';

/** Inputs: x [N C H W] or [C H W], weight [C O KH KW], bias [O]?. */
export interface ConvTranspose {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly outputPadding: readonly [number, number];
}

function geometry(
  { stride, padding, outputPadding }: ConvTranspose,
  x: Shape,
  weight: Shape,
  caller: string,
) {
  const [n, c, h, w] = pictureSizes(x, caller);
  const [i, o, kh, kw] = weightSizes(weight, caller, '[I, O, KH, KW]');
  checkChannels(c, i, x, caller);
  const along = (size: number, k: number, axis: 0 | 1) => {
    const side = axis === 0 ? 'height' : 'width';
    const pad = padding[axis];
    // As of `conv`: with a single row or column no step is taken.
    const step = size === 1 ? Math.min(stride[axis], k) : stride[axis];
    const length = (size - 1) * step - 2 * pad + k + outputPadding[axis];
    checkReach(length + pad + 4 * step + k, MOST_COORDINATE, side, caller);
    if (length >= 1) return { step, length };
    throw new ShapeError(`nothing is left of the ${side}`, {
      op: caller,
      got: `${side} ${size} with kernel ${k}, stride ${step} and padding ${pad}`,
      wanted: 'an output of at least one element',
    });
  };
  const rows = along(h, kh, 0);
  const columns = along(w, kw, 1);
  return {
    input: [n, c, h, w] as const,
    output: [n, o, rows.length, columns.length] as const,
    kh,
    stride: [rows.step, columns.step] as const,
  };
}

export const convTranspose: Operator<ConvTranspose> = {
  roles: ['input', 'weight', 'bias'],
  infer(attributes, inputs, caller) {
    const x = shapeAt(inputs, 0);
    const { output } = geometry(attributes, x, shapeAt(inputs, 1), caller);
    checkShape(inputs[2], [output[1]], 'bias', caller);
    return [floats(likeInput(x, output))];
  },
  lower({ attributes, inputs: [x, weight] }, to) {
    const { input, output, stride } = geometry(attributes, x ?? [], weight ?? [], 'conv_transpose');
    const { padding, outputPadding } = attributes;
    const told = { stride, padding, outputPadding, activation: 'none', load: 'plain' } as const;
    const operands = [to.view(to.x, input), to.inputs[1] ?? null, to.inputs[2] ?? null, null];
    return [to.view(to.append('conv_transpose2d', operands, told, output), likeInput(x ?? [], output))];
  },
  rows({ attributes, inputs: [x, weight, bias] }, { first, last }) {
    const { input, kh, stride } = geometry(attributes, x ?? [], weight ?? [], 'conv_transpose');
    const [step] = stride;
    const [pad] = attributes.padding;
    const within = (row: number): number => Math.min(input[2] - 1, Math.max(0, row));
    const needed = {
      first: within(Math.ceil((first + pad - kh + 1) / step)),
      last: within(Math.floor((last + pad) / step)),
    };
    // Rows between those that a stride larger than the kernel writes are of the bias alone.
    return [
      needed.first <= needed.last ? needed : null,
      'whole',
      bias === null || bias === undefined ? null : 'whole',
    ];
  },
};
