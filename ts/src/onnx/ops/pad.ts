import type { PaddingMode } from '../../ops/kernels.js';
import type { OnnxName } from '../builder.js';
import { type Export, inputOf, type ToOnnx } from './to_onnx.js';

const MODES = { zeros: 'constant', reflect: 'reflect', replicate: 'edge' } as const satisfies Record<
  PaddingMode,
  string
>;

/** @param pads before and after, an axis each */
export function padded(
  { builder }: Export,
  at: string,
  x: OnnxName,
  pads: readonly (readonly [number, number])[],
  mode: PaddingMode,
  value: number,
): OnnxName {
  const amounts = builder.int64([...pads.map(([before]) => before), ...pads.map(([, after]) => after)]);
  const inputs = mode === 'zeros' ? [x, amounts, builder.scalar(value)] : [x, amounts];
  return builder.node('Pad', at, inputs, { mode: MODES[mode] });
}

export const pad: ToOnnx<'pad'> = (to, node) => {
  const { pads, mode, value } = node.attributes;
  return padded(to, node.name, to.name(inputOf(node)), pads, mode, value);
};
