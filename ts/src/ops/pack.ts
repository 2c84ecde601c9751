/** pack: a dense value in the form that one kernel reads. Of weights it runs once, in a prepare plan. */
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { dense, packed } from './layout.js';
import { operandAt } from './tiles.js';

export const pack: OpDescriptor<'pack'> = {
  op: 'pack',
  inPlace: [],
  layouts: ({ attributes: { packing }, inputs: [x] }) => ({
    inputs: [dense(x ?? [])],
    outputs: [packed(packing)],
  }),
  workspace: () => NO_WORKSPACE,
  records: ({ attributes: { packing } }, { inputs, outputs }) =>
    packing.records(operandAt(inputs, 0), operandAt(outputs, 0)),
  flops: () => 0,
};
