/** running_constants: the constants that a normalisation applies, of stored statistics. */
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { dense, raw } from './layout.js';
import { runningConstants as record } from './records.gen.js';
import { constantsBytes } from './statistics.js';
import { operandAt } from './tiles.js';

export const runningConstants: OpDescriptor<'running_constants'> = {
  op: 'running_constants',
  inPlace: [],
  layouts: ({ attributes: { channels }, inputs }) => ({
    inputs: inputs.map((shape) => (shape === null ? null : dense(shape))),
    outputs: [raw(constantsBytes([1, channels, 1, 1], 'running'))],
  }),
  workspace: () => NO_WORKSPACE,
  records({ attributes: { channels: c, eps } }, { inputs, outputs }) {
    const [mean, variance] = [operandAt(inputs, 0), operandAt(inputs, 1)];
    const [gamma, beta] = [operandAt(inputs, 2), operandAt(inputs, 3)];
    return [record({ mean, var: variance, gamma, beta, constants: operandAt(outputs, 0), c, eps })];
  },
  flops: ({ attributes: { channels } }) => 4 * channels,
};
