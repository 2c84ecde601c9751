/**
 * Rewrites that take normalisations apart: statistics are merged from what a convolution's tiles leave of their results, and are applied as the
 * next convolution loads them. What neither is possible for stays a pass over memory, in place where the input is not needed any more.
 */
import type { Kernels, Load } from '../ops/kernels.js';
import type { Dims } from '../ops/layout.js';
import { isByPlane } from '../ops/normalize.js';
import type { Shape } from '../tensor/shape.js';
import { type AnyNode, type GraphValue, type ValueId, valueAt } from './graph.js';
import { addValue, isOneOf, makers, mergePairs, type Rewrite } from './rewrite.js';

const CONVOLUTIONS = ['conv2d', 'conv_transpose2d'] as const;

/** Adds an opaque value, by sample and channel. */
function opaque(values: GraphValue[], shape: Shape): ValueId {
  return addValue(values, { shape, dtype: 'opaque' });
}

/** Whether samples and channels of these dims are those of a picture of this shape. */
function channelsAlike(dims: Dims, shape: Shape): boolean {
  return shape.length === 4 && shape[0] === dims[0] && shape[1] === dims[1];
}

export const splitNormalize: Rewrite<Kernels> = {
  name: 'split-normalize',
  about:
    'a normalisation by statistics of its input becomes its constants, taken from them, and their application',
  apply(graph) {
    const values = [...graph.values];
    const nodes = graph.nodes.flatMap((node): AnyNode<Kernels>[] => {
      if (node.op !== 'normalize') return [node];
      const { dims, statistics, groups, eps } = node.attributes;
      if (statistics === 'given') return [node];
      const [x = null, , weight = null, bias = null, residual = null] = node.inputs;
      const constants = opaque(values, [statistics === 'input' ? dims[0] : 1, dims[1]]);
      return [
        {
          op: 'statistics',
          name: node.name,
          inputs: [x, weight, bias],
          outputs: [constants],
          attributes: { dims, of: 'values', statistics, groups, eps },
        },
        {
          ...node,
          inputs: [x, constants, null, null, residual],
          attributes: { ...node.attributes, statistics: 'given' },
        },
      ];
    });
    return values.length === graph.values.length ? graph : { ...graph, values, nodes };
  },
};

export const statisticsIntoProducer: Rewrite<Kernels> = {
  name: 'statistics-into-producer',
  about: "statistics of a convolution's result are merged from the moments that its tiles leave",
  apply(graph) {
    const values = [...graph.values];
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
      const left = producer.outputs[1] ?? moments.get(x) ?? opaque(values, [dims[0], dims[1]]);
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
    mergePairs(graph, ['statistics'], ['normalize'], (statistics, normalize) => {
      const { of, statistics: kind, dims, groups, eps } = statistics.attributes;
      const [x = null, , , , residual = null] = normalize.inputs;
      const [measured, weight = null, bias = null] = statistics.inputs;
      if (of !== 'values' || measured !== x) return null;
      if (!isByPlane({ dims, statistics: kind, groups })) return null;
      return {
        ...normalize,
        inputs: [x, null, weight, bias, residual],
        attributes: { ...normalize.attributes, statistics: kind, groups, eps },
      };
    }),
};

export const normalizeIntoConsumer: Rewrite<Kernels> = {
  name: 'normalize-into-consumer',
  about:
    'a normalisation, with ReLU or nothing after it, that one convolution alone reads is applied as that loads its input',
  apply: (graph) =>
    mergePairs(graph, ['normalize'], CONVOLUTIONS, (normalize, convolution) => {
      const { statistics, activation, dims } = normalize.attributes;
      const [x = null, constants = null, , , residual] = normalize.inputs;
      const [normalized] = normalize.outputs;
      const [loaded, weight = null, bias = null] = convolution.inputs;
      if (statistics !== 'given' || residual != null || activation === 'tanh') return null;
      if (convolution.attributes.load !== 'plain' || normalized === undefined || loaded !== normalized)
        return null;
      if (!channelsAlike(dims, valueAt(graph, normalized).shape)) return null;
      const load: Load = activation === 'relu' ? 'normalized-relu' : 'normalized';
      return {
        ...convolution,
        inputs: [x, weight, bias, constants],
        attributes: { ...convolution.attributes, load },
      } as AnyNode<Kernels>;
    }),
};
