/** layer_norm: mean and variance over the trailing axes, as torch.nn.functional.layer_norm and ONNX's LayerNormalization. */
import { ShapeError } from '../../errors.js';
import type { Dims } from '../../ops/layout.js';
import { ofOperands } from '../../ops/pointwise_program.js';
import { numel, type Shape, sameShape, spell } from '../../tensor/shape.js';
import { checkAffine, lowerMeasured } from './norms.js';
import { allRows, floats, type Operator, sameRows, shapeAt } from './operator.js';

/** Inputs: x [..., normalizedShape], weight [normalizedShape]?, bias [normalizedShape]?. */
export interface LayerNorm {
  readonly normalizedShape: Shape;
  readonly eps: number;
}

export const layerNorm: Operator<LayerNorm> = {
  roles: ['input', 'weight', 'bias'],
  infer({ normalizedShape: sizes }, inputs, caller) {
    const shape = shapeAt(inputs, 0);
    const leading = shape.length - sizes.length;
    if (leading < 0 || !sameShape(shape.slice(leading), sizes)) {
      throw new ShapeError('the input does not end in normalizedShape', {
        op: caller,
        got: `input ${spell(shape)}`,
        wanted: `[*, ${sizes.join(', ')}]`,
      });
    }
    checkAffine(inputs, sizes, caller);
    return [floats(shape)];
  },
  lower({ attributes: { normalizedShape: sizes, eps }, inputs }, to) {
    const shape = shapeAt(inputs, 0);
    // The first normalised axis becomes the channels: any split serves, and this one keeps N C H W as it is.
    const dims: Dims = [
      numel(shape.slice(0, shape.length - sizes.length)),
      sizes[0] ?? 1,
      numel(sizes.slice(1, -1)),
      sizes.length > 1 ? (sizes.at(-1) ?? 1) : 1,
    ];
    const told = { dims, statistics: 'input', groups: 1, eps } as const;
    const normalized = lowerMeasured(told, [null, null], shape, to);
    const [, weight, bias] = to.inputs;
    const scaled =
      weight == null
        ? normalized
        : to.append('pointwise', [normalized, weight], { program: ofOperands('mul', 1) }, shape);
    return [
      bias == null
        ? scaled
        : to.append('pointwise', [scaled, bias], { program: ofOperands('add', 1) }, shape),
    ];
  },
  rows: (use, rows) =>
    use.attributes.normalizedShape.length === 1
      ? [sameRows(use, rows)[0] ?? null, ...allRows(use).slice(1)]
      : allRows(use),
};
