/** convert: a tensor as it is stored, of any strides and of each dtype that weights come in -> dense float32. */
import { UnsupportedError } from '../errors.js';
import type { StoredTensor, WeightDtype } from '../tensor/stored.js';
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import type { Kernels } from './kernels.js';
import { dense } from './layout.js';
import { convert as record } from './records.gen.js';
import { operandAt } from './tiles.js';

/** Numbers of the record's dtype field. */
const DTYPE_CODES = { F32: 0, F16: 1, BF16: 2, F64: 3 } as const satisfies Record<WeightDtype, number>;

type Axes = Kernels['convert']['axes'];

/** Sizes and strides, as few as say it. */
function merged({ shape, strides }: StoredTensor): Axes {
  const axes: { size: number; stride: number }[] = [];
  shape.forEach((size, axis) => {
    const stride = strides[axis] ?? 0;
    const last = axes.at(-1);
    if (size === 1) return;
    if (last !== undefined && last.stride === stride * size)
      axes[axes.length - 1] = { size: last.size * size, stride };
    else axes.push({ size, stride });
  });
  return axes;
}

/**
 * What converts a stored tensor.
 * @throws {@link UnsupportedError} for more strided axes than the kernel takes
 */
export function conversionOf(stored: StoredTensor, dtype: WeightDtype): Kernels['convert'] {
  const axes = merged(stored);
  if (axes.length <= 4) return { dtype, sourceBytes: stored.bytes.byteLength, axes };
  throw new UnsupportedError('a stored tensor of more than four strided axes', {
    op: 'convert',
    got: `strides [${stored.strides.join(', ')}]`,
  });
}

export const convert: OpDescriptor<'convert'> = {
  op: 'convert',
  inPlace: [],
  layouts: ({ outputs: [shape] }) => ({ inputs: [null], outputs: [dense(shape ?? [])] }),
  workspace: () => NO_WORKSPACE,
  records({ attributes: { dtype, sourceBytes, axes } }, { inputs, outputs }) {
    const at = (fromEnd: number): { size: number; stride: number } =>
      axes[axes.length - fromEnd] ?? { size: 1, stride: 0 };
    const [a, b, c, d] = [at(4), at(3), at(2), at(1)];
    return [
      record({
        src: operandAt(inputs, 0),
        srcBytes: sourceBytes,
        y: operandAt(outputs, 0),
        dtype: DTYPE_CODES[dtype],
        d0: a.size,
        d1: b.size,
        d2: c.size,
        d3: d.size,
        s0: a.stride,
        s1: b.stride,
        s2: c.stride,
        s3: d.stride,
      }),
    ];
  },
  flops: () => 0,
};
