/** pad: a border of a constant, of reflected or of repeated elements around H and W. */

import type { OpDescriptor } from './descriptor.js';
import { pad as record } from './records.gen.js';
import { dimsAt, operandAt, outputDims, PADDING_CODES, rowsPerTile } from './tiles.js';

export const pad: OpDescriptor<'pad'> = {
  op: 'pad',
  inPlace: [],
  dims({ attributes }, shapes) {
    const [n = 1, c = 1, h = 1, w = 1] = shapes.inputs[0] ?? [];
    const [top, bottom, left, right] = attributes.padding;
    return { inputs: [[n, c, h, w]], output: [n, c, top + h + bottom, left + w + right] };
  },
  workspace: () => ({ temporaryBytes: [], scratchBytes: 0 }),
  weights: () => [],
  records({ attributes }, shapes, { inputs, output }) {
    const [n, c, h, w] = dimsAt(shapes.dims.inputs, 0);
    const [top, bottom, left, right] = attributes.padding;
    return [
      record({
        x: operandAt(inputs, 0),
        y: output,
        n,
        c,
        h,
        w,
        top,
        bottom,
        left,
        right,
        mode: PADDING_CODES[attributes.mode],
        value: attributes.value,
        tileRows: rowsPerTile(outputDims(shapes)[3] * 4),
      }),
    ];
  },
  flops: () => 0,
};
