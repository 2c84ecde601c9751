/** conv2d: convolution by the direct algorithm. */
import { convolutionFields, convolutionLayouts, staging, windowFields } from './conv_around.js';
import { type ConvTile, convTile, groupsApart, packingOf, pixelElems } from './conv_tiles.js';
import type { Call, OpDescriptor } from './descriptor.js';
import type { Packing } from './layout.js';
import { programFlops } from './program_fields.js';
import { packConv2d, conv2d as record } from './records.gen.js';
import { elems, LANES, pictureDims } from './tiles.js';

interface Geometry {
  readonly o: number;
  readonly c: number;
  readonly kh: number;
  readonly kw: number;
  readonly groups: number;
  /** Of the record: see {@link groupsApart}. */
  readonly packedGroups: number;
  /** 0 panels of 8 outputs, 1 few outputs. */
  readonly packing: 0 | 1;
}

function geometry({ inputs, attributes: { groups } }: Call<'conv2d'>): Geometry {
  const [o, channels, kh, kw] = pictureDims(inputs[1]);
  const c = channels * groups;
  const packedGroups = groupsApart({ c, o, groups });
  return { o, c, kh, kw, groups, packedGroups, packing: packingOf({ c: c / packedGroups, o }) };
}

function tile(call: Call<'conv2d'>): ConvTile {
  const { o, c: all, kh, kw, packedGroups } = geometry(call);
  const c = all / packedGroups;
  const [samples, , rows, cols] = pictureDims(call.outputs[0]);
  return convTile({
    samples: samples * packedGroups,
    rows,
    cols,
    outputs: o / packedGroups,
    flops: 2 * c * kh * kw + programFlops(call.attributes.program),
    ...staging(call, pixelElems(c)),
  });
}

function weightPacking(sizes: Geometry): Packing {
  const { o, c, kh, kw, groups, packedGroups, packing } = sizes;
  const outputs = packing === 1 ? o : Math.ceil(o / LANES) * LANES;
  return {
    key: `conv2d:${packing}:${o}x${c}x${kh}x${kw}:${groups}:${packedGroups}`,
    bytes: outputs * pixelElems(c / packedGroups) * kh * kw * 4,
    records: (src, y) => [packConv2d({ src, y, ...sizes })],
  };
}

/** Weights in panels of 8 outputs, whatever their number. */
export function panelPacking(o: number, c: number, kh: number, kw: number): Packing {
  return weightPacking({ o, c, kh, kw, groups: 1, packedGroups: 1, packing: 0 });
}

export const conv2d: OpDescriptor<'conv2d'> = {
  op: 'conv2d',
  inPlace: [],
  layouts(call) {
    const parts = (): number => {
      const { tileRows, tileCols } = tile(call);
      const [, , outH, outW] = pictureDims(call.outputs[0]);
      return Math.ceil(outH / tileRows) * Math.ceil(outW / tileCols);
    };
    return convolutionLayouts(call, weightPacking(geometry(call)), parts);
  },
  workspace: (call) => ({ temporaryBytes: [], scratchBytes: tile(call).scratchBytes }),
  records(call, operands) {
    const { packing, packedGroups: groups } = geometry(call);
    return [
      record({
        ...convolutionFields(call, operands),
        ...windowFields(call),
        ...tile(call),
        packing,
        groups,
      }),
    ];
  },
  flops(call) {
    const { c, kh, kw, groups } = geometry(call);
    return 2 * (c / groups) * kh * kw * elems(pictureDims(call.outputs[0]));
  },
};
