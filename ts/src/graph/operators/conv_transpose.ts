/** conv_transpose: transposed 2-D convolution, as torch.nn.functional.conv_transpose2d and ONNX's ConvTranspose. */
import { ShapeError } from '../../errors.js';
import type { Shape } from '../../tensor/shape.js';
import {
  checkChannels,
  checkGroups,
  checkReach,
  checkShape,
  likeInput,
  MOST_COORDINATE,
  pictureSizes,
  weightSizes,
} from './conv_checks.js';
import { floats, type Operator, shapeAt } from './operator.js';

/** Inputs: x [N C H W] or [C H W], weight [C O/groups KH KW], bias [O]?. */
export interface ConvTranspose {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly outputPadding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

function geometry(
  { stride, padding, outputPadding, dilation, groups }: ConvTranspose,
  x: Shape,
  weight: Shape,
  caller: string,
) {
  const [n, c, h, w] = pictureSizes(x, caller);
  const [i, o, kh, kw] = weightSizes(weight, caller, '[I, O, KH, KW]');
  checkGroups(groups, i, weight, caller);
  checkChannels(c, i, x, caller);
  const along = (size: number, k: number, axis: 0 | 1) => {
    const side = axis === 0 ? 'height' : 'width';
    const pad = padding[axis];
    // Of one tap no step is taken.
    const spacing = k === 1 ? 1 : dilation[axis];
    const reach = (k - 1) * spacing + 1;
    // As of `conv`: with a single row or column no step is taken.
    const step = size === 1 ? Math.min(stride[axis], reach) : stride[axis];
    const length = (size - 1) * step - 2 * pad + reach + outputPadding[axis];
    checkReach(length + pad + 4 * step + reach, MOST_COORDINATE, side, caller);
    if (length >= 1) return { step, spacing, reach, length };
    throw new ShapeError(`nothing is left of the ${side}`, {
      op: caller,
      got: `${side} ${size} with kernel ${reach}, stride ${step} and padding ${pad}`,
      wanted: 'an output of at least one element',
    });
  };
  const rows = along(h, kh, 0);
  const columns = along(w, kw, 1);
  return {
    input: [n, c, h, w] as const,
    output: [n, o * groups, rows.length, columns.length] as const,
    rows,
    stride: [rows.step, columns.step] as const,
    dilation: [rows.spacing, columns.spacing] as const,
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
    const { input, output, stride, dilation } = geometry(attributes, x ?? [], weight ?? [], 'conv_transpose');
    const { padding, outputPadding, groups } = attributes;
    const around = { load: 'plain', loadProgram: [], program: [] } as const;
    const told = { stride, padding, outputPadding, dilation, groups, ...around };
    const operands = [to.view(to.x, input), to.inputs[1] ?? null, to.inputs[2] ?? null, null];
    return [to.view(to.append('conv_transpose2d', operands, told, output), likeInput(x ?? [], output))];
  },
  rows({ attributes, inputs: [x, weight, bias] }, { first, last }) {
    const { input, rows } = geometry(attributes, x ?? [], weight ?? [], 'conv_transpose');
    const { step, reach } = rows;
    const [pad] = attributes.padding;
    const within = (row: number): number => Math.min(input[2] - 1, Math.max(0, row));
    const needed = {
      first: within(Math.ceil((first + pad - reach + 1) / step)),
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
