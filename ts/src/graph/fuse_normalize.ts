/**
 * Rewrites of what convolutions load and leave. Normalisations are lowered to statistics and an affine step: statistics are merged from what a convolution's tiles leave of their
 * results, and maps are applied as the next convolution loads them. What neither is possible for stays a pass over memory, in place where the input is
 * not needed any more, or becomes one that takes and applies statistics a plane after the other.
 */
import { canPassWith } from '../ops/epilogue.js';
import { isByPlane } from '../ops/instance_norm.js';
import type { Kernels, Load, PointwiseProgram } from '../ops/kernels.js';
import type { Dims } from '../ops/layout.js';
import { fitsLoad, isAffine, withoutOperand } from '../ops/pointwise_program.js';
import { repeatedDims } from '../ops/pointwise_walk.js';
import { type Shape, sameShape } from '../tensor/shape.js';
import { type AnyNode, type Graph, type GraphValue, type Node, type ValueId, valueAt } from './graph.js';
import { addValue, isOneOf, makers, mergePairs, type Rewrite } from './rewrite.js';

const CONVOLUTIONS = ['conv2d', 'conv_transpose2d'] as const;

/** Whether samples and channels of these dims are those of a picture of this shape. */
function channelsAlike(dims: Dims, shape: Shape): boolean {
  return shape.length === 4 && shape[0] === dims[0] && shape[1] === dims[1];
}

export const statisticsIntoProducer: Rewrite<Kernels> = {
  name: 'statistics-into-producer',
  about: "statistics of a convolution's result are merged from the moments that its tiles leave",
  apply(graph) {
    const values: GraphValue[] = [...graph.values];
    const made = makers(graph);
    /** Moments by the value whose they are. */
    const moments = new Map<ValueId, ValueId>();
    const merged = graph.nodes.map((node): AnyNode<Kernels> => {
      if (node.op !== 'statistics' || node.attributes.of === 'moments') return node;
      const [x, ...affine] = node.inputs;
      const producer = x == null ? undefined : made.get(x);
      if (x == null || producer === undefined || !isOneOf(producer, CONVOLUTIONS)) return node;
      const { dims } = node.attributes;
      if (!channelsAlike(dims, valueAt(graph, x).shape)) return node;
      const left =
        producer.outputs[1] ??
        moments.get(x) ??
        addValue(values, { shape: [dims[0], dims[1]], dtype: 'opaque' });
      moments.set(x, left);
      return { ...node, inputs: [left, ...affine], attributes: { ...node.attributes, of: 'moments' } };
    });
    if (moments.size === 0) return graph;
    const nodes = merged.map((node): AnyNode<Kernels> => {
      const [y] = node.outputs;
      const left = y === undefined ? undefined : moments.get(y);
      return y === undefined || left === undefined ? node : { ...node, outputs: [y, left] };
    });
    return { ...graph, values, nodes };
  },
};

export const joinPlanes: Rewrite<Kernels> = {
  name: 'join-planes',
  about:
    'statistics that take a pass of their own and the pass that applies them are one, a plane after the other, where a cache holds a plane',
  apply: (graph) =>
    mergePairs(graph, ['statistics'], ['pointwise'], (statistics, pass) => {
      const { of, dims, eps } = statistics.attributes;
      const [constants = -1] = statistics.outputs;
      const [measured, weight = null, bias = null] = statistics.inputs;
      const [y = -1] = pass.outputs;
      const { inputs } = pass;
      const [first, ...rest] = pass.attributes.program;
      if (of !== 'values' || inputs[0] !== measured || !isByPlane(statistics.attributes, rest.length))
        return null;
      if (first === undefined || !isAffine(first) || rest.some(isAffine)) return null;
      const at = inputs.indexOf(constants);
      const others = withoutOperand({ program: rest, inputs }, at);
      const { shape } = valueAt(graph, y);
      const [, ...operands] = others.inputs;
      const lie = operands.map((id) => repeatedDims(dims, shape, valueAt(graph, id ?? -1).shape));
      // Of four operands x and the constants are none of the program's: two are left, as many as the kernel takes.
      if (!lie.every((own) => own !== null && canPassWith(dims, own))) return null;
      return {
        ...pass,
        op: 'instance_norm',
        inputs: [measured ?? null, weight, bias, ...operands],
        attributes: { dims, eps, program: others.program },
      };
    }),
};

/** How a convolution could load what the node makes: of which x, with which constants. */
function loadOf(
  graph: Graph<Kernels>,
  { attributes: { program, dims }, inputs, outputs: [y = -1] }: Node<Kernels, 'pointwise'>,
): { load: Load; x: ValueId; constants: ValueId; loadProgram: PointwiseProgram } | null {
  const [first, ...loadProgram] = program;
  const [x, constants] = inputs;
  if (x == null || constants == null || inputs.length !== 2) return null;
  const { shape } = valueAt(graph, y);
  if (!sameShape(valueAt(graph, x).shape, shape) || shape.length !== 4) return null;
  const [argument] = first?.args ?? [];
  if (typeof argument !== 'object' || argument.operand !== 1) return null;
  if (loadProgram.length > 1 || !loadProgram.every(fitsLoad)) return null;
  if (first?.step === 'affine')
    return dims !== undefined && channelsAlike(dims, shape)
      ? { load: 'affine', x, constants, loadProgram }
      : null;
  const [n = 1, c = 1] = shape;
  const { shape: scale } = valueAt(graph, constants);
  const isByChannel =
    sameShape(scale, [c, 1, 1]) || [1, n].some((samples) => sameShape(scale, [samples, c, 1, 1]));
  return first?.step === 'mul' && isByChannel ? { load: 'scale', x, constants, loadProgram } : null;
}

export const mapIntoConsumer: Rewrite<Kernels> = {
  name: 'map-into-consumer',
  about:
    'an affine map or a scale a channel, with a cheap step after it, that one convolution alone reads is applied as that loads its input',
  apply: (graph) =>
    mergePairs(graph, ['pointwise'], CONVOLUTIONS, (map, convolution) => {
      const [mapped] = map.outputs;
      const [loaded, weight = null, bias = null, , ...operands] = convolution.inputs;
      if (convolution.attributes.load !== 'plain' || loaded !== mapped) return null;
      const found = loadOf(graph, map);
      if (found === null) return null;
      const { x, constants, load, loadProgram } = found;
      return {
        ...convolution,
        inputs: [x, weight, bias, constants, ...operands],
        attributes: { ...convolution.attributes, load, loadProgram },
      } as AnyNode<Kernels>;
    }),
};
