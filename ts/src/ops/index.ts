/** The list of ops. `parameter`, `view` and `running_constants` are not here: they are never records (graph/place.ts resolves them). */
import type { OpName } from '../graph/ir.js';
import { binary } from './binary.js';
import { convTranspose2d } from './conv_transpose2d.js';
import { convWinograd } from './conv_winograd.js';
import { conv2d } from './conv2d.js';
import type { OpDescriptor } from './descriptor.js';
import { normalize } from './normalize.js';
import { pad } from './pad.js';
import { pixelsIn } from './pixels_in.js';
import { pixelsOut } from './pixels_out.js';
import { reduce } from './reduce.js';
import { statistics } from './statistics.js';
import { unary } from './unary.js';

/** Ops that become records. */
export type RecordOpName = Exclude<OpName, 'parameter' | 'view' | 'running_constants'>;

export const descriptors: { readonly [K in RecordOpName]: OpDescriptor<K> } = {
  conv2d,
  conv_winograd: convWinograd,
  conv_transpose2d: convTranspose2d,
  normalize,
  statistics,
  reduce,
  pad,
  binary,
  unary,
  pixels_in: pixelsIn,
  pixels_out: pixelsOut,
};
