/** pad: a border of a constant, of reflected or of repeated elements around H and W. */
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { blocked } from './layout.js';
import { pad as record } from './records.gen.js';
import { operandAt, PADDING_CODES, pictureDims, rowsPerTile } from './tiles.js';

export const pad: OpDescriptor<'pad'> = {
  op: 'pad',
  inPlace: [],
  layouts: ({ inputs, outputs }) => ({
    inputs: [blocked(pictureDims(inputs[0]))],
    outputs: [blocked(pictureDims(outputs[0]))],
  }),
  workspace: () => NO_WORKSPACE,
  records({ attributes, inputs: shapes, outputs: shapesOut }, { inputs, outputs }) {
    const [n, c, h, w] = pictureDims(shapes[0]);
    const [top, bottom, left, right] = attributes.padding;
    return [
      record({
        x: operandAt(inputs, 0),
        y: operandAt(outputs, 0),
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
        tileRows: rowsPerTile(pictureDims(shapesOut[0])[3] * 4),
      }),
    ];
  },
  flops: () => 0,
};
