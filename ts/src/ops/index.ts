/** The list of kernels. `view` is not here: it is never a record. */
import { concat } from './concat.js';
import { convDepthwise } from './conv_depthwise.js';
import { convTranspose2d } from './conv_transpose2d.js';
import { convWinograd } from './conv_winograd.js';
import { conv2d } from './conv2d.js';
import { convert } from './convert.js';
import type { OpDescriptor } from './descriptor.js';
import { instanceNorm } from './instance_norm.js';
import type { KernelName } from './kernels.js';
import { matmul } from './matmul.js';
import { move } from './move.js';
import { pack } from './pack.js';
import { pad } from './pad.js';
import { pixelsIn } from './pixels_in.js';
import { pixelsOut } from './pixels_out.js';
import { pointwise } from './pointwise.js';
import { reduce } from './reduce.js';
import { runningConstants } from './running_constants.js';
import { statistics } from './statistics.js';

/** Kernels that become records. */
export type RecordKernel = Exclude<KernelName, 'view'>;

const descriptors: { readonly [K in RecordKernel]: OpDescriptor<K> } = {
  conv2d,
  conv_depthwise: convDepthwise,
  convert,
  conv_winograd: convWinograd,
  conv_transpose2d: convTranspose2d,
  instance_norm: instanceNorm,
  statistics,
  running_constants: runningConstants,
  reduce,
  pad,
  pointwise,
  concat,
  matmul,
  move,
  pack,
  pixels_in: pixelsIn,
  pixels_out: pixelsOut,
};

/** The descriptor of a kernel. */
export function descriptorOf<K extends RecordKernel>(op: K): OpDescriptor<K> {
  return descriptors[op] as OpDescriptor<K>;
}
