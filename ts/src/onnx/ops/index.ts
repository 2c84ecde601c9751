/** The list of ONNX forms. The compiler refuses an operator that has neither one nor a line that says so. */
import { UnsupportedError } from '../../errors.js';
import type { Node } from '../../graph/graph.js';
import type { OperatorName, Operators } from '../../graph/operators/index.js';
import type { OnnxName } from '../builder.js';
import { batchNorm } from './batch_norm.js';
import { concat } from './concat.js';
import { conv } from './conv.js';
import { convTranspose } from './conv_transpose.js';
import { groupNorm } from './group_norm.js';
import { instanceNorm } from './instance_norm.js';
import { layerNorm } from './layer_norm.js';
import { matmul } from './matmul.js';
import { pad } from './pad.js';
import { permute } from './permute.js';
import { binary, unary, where } from './pointwise.js';
import { reduce } from './reduce.js';
import { slice } from './slice.js';
import type { Export, ToOnnx } from './to_onnx.js';
import { view } from './view.js';

export const OPERATOR_SET = 17;

const forms: { readonly [K in OperatorName]: ToOnnx<K> | 'has no ONNX form' } = {
  batch_norm: batchNorm,
  binary,
  concat,
  conv,
  conv_transpose: convTranspose,
  group_norm: groupNorm,
  instance_norm: instanceNorm,
  layer_norm: layerNorm,
  matmul,
  pad,
  permute,
  pixels_in: 'has no ONNX form',
  pixels_out: 'has no ONNX form',
  reduce,
  slice,
  unary,
  view,
  where,
};

/** Appends what `node` computes, and gives the name of its value. @throws {@link UnsupportedError} where there is no form */
export function toOnnx<K extends OperatorName>(to: Export, node: Node<Operators, K>): OnnxName {
  const form = forms[node.op] as ToOnnx<K> | 'has no ONNX form';
  if (form !== 'has no ONNX form') return form(to, node);
  throw new UnsupportedError('an operator that ONNX files cannot hold', {
    op: 'exportOnnx',
    got: `${node.op} (${node.name})`,
    wanted: 'a network of float32 values',
  });
}
