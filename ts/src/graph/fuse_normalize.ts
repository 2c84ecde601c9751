/**
 * Rewrites that take normalisations apart: statistics are merged from what a convolution's tiles leave of their results, and are applied as the
 * next convolution loads them. What neither is possible for stays a pass over memory, in place where the input is not needed any more.
 */
import { isByPlane } from '../ops/normalize.js';
import type { AnyNode, Graph, GraphValue, Load, Node, OpAttributes, Shape, ValueId } from './ir.js';
import { mergePairs, type Rewrite } from './rewrite.js';

const CONVOLUTIONS = ['conv2d', 'conv_transpose2d'] as const;
type Convolution = Node<(typeof CONVOLUTIONS)[number]>;

function isConvolution(node: AnyNode | undefined): node is Convolution & AnyNode {
  return node !== undefined && (CONVOLUTIONS as readonly string[]).includes(node.op);
}

/** Adds an opaque value, by sample and channel. */
function opaque(values: GraphValue[], shape: Shape): ValueId {
  return values.push({ id: values.length, shape, dtype: 'opaque' }) - 1;
}

/** Whether samples and channels of these dims are those of a picture of this shape. */
function channelsAlike(dims: OpAttributes['normalize']['dims'], shape: Shape | undefined): boolean {
  return shape?.length === 4 && shape[0] === dims[0] && shape[1] === dims[1];
}

export const splitNormalize: Rewrite = {
  name: 'split-normalize',
  about:
    'a normalisation becomes its constants, taken from statistics or stored with the weights, and their application',
  apply(graph) {
    const values = [...graph.values];
    const nodes = graph.nodes.flatMap((node): AnyNode[] => {
      if (node.op !== 'normalize' || node.attributes.statistics === 'given') return [node];
      const { attributes, name, weights, inputs } = node;
      const [x, ...residual] = inputs;
      if (x === undefined) return [node];
      const { dims, statistics, groups, eps } = attributes;
      const output = opaque(values, [statistics === 'input' ? dims[0] : 1, dims[1]]);
      const made: AnyNode =
        statistics === 'running'
          ? {
              op: 'running_constants',
              name,
              inputs: [],
              output,
              attributes: { channels: dims[1], eps },
              weights,
            }
          : {
              op: 'statistics',
              name,
              inputs: [x],
              output,
              attributes: { dims, of: 'values', statistics: statistics as 'input' | 'batch', groups, eps },
              weights,
            };
      const applied: AnyNode = {
        ...node,
        inputs: [x, output, ...residual],
        attributes: { ...attributes, statistics: 'given' },
        weights: {},
      };
      return [made, applied];
    });
    return values.length === graph.values.length ? graph : { ...graph, values, nodes };
  },
};

export const statisticsIntoProducer: Rewrite = {
  name: 'statistics-into-producer',
  about: "statistics of a convolution's result are merged from the moments that its tiles leave",
  apply(graph) {
    const values = [...graph.values];
    const made = new Map(graph.nodes.map((node) => [node.output, node]));
    /** Moments by the value whose they are. */
    const moments = new Map<ValueId, ValueId>();
    const merged = graph.nodes.map((node): AnyNode => {
      if (node.op !== 'statistics' || node.attributes.of === 'moments') return node;
      const [x] = node.inputs;
      const producer = x === undefined ? undefined : made.get(x);
      if (x === undefined || !isConvolution(producer)) return node;
      const shape = values[x]?.shape;
      const { dims } = node.attributes;
      if (shape === undefined || !channelsAlike(dims, shape)) return node;
      const left = producer.moments ?? moments.get(x) ?? opaque(values, [dims[0], dims[1]]);
      moments.set(x, left);
      return { ...node, inputs: [left], attributes: { ...node.attributes, of: 'moments' } };
    });
    if (moments.size === 0) return graph;
    const nodes = merged.map((node): AnyNode => {
      const left = moments.get(node.output);
      return left === undefined ? node : ({ ...node, moments: left } as AnyNode);
    });
    return { ...graph, values, nodes };
  },
};

export const joinPlanes: Rewrite = {
  name: 'join-planes',
  about:
    'statistics that take a pass of their own and the pass that applies them are one, a plane after the other, where a cache holds a plane',
  apply: (graph: Graph) =>
    mergePairs(graph, ['statistics'], ['normalize'], (statistics, normalize) => {
      const { of, statistics: kind, dims, groups, eps } = statistics.attributes;
      const [x, , ...residual] = normalize.inputs;
      if (of !== 'values' || statistics.inputs[0] !== x || x === undefined) return null;
      if (!isByPlane({ dims, statistics: kind, groups })) return null;
      return {
        ...normalize,
        inputs: [x, ...residual],
        attributes: { ...normalize.attributes, statistics: kind, groups, eps },
        weights: statistics.weights,
      };
    }),
};

export const normalizeIntoConsumer: Rewrite = {
  name: 'normalize-into-consumer',
  about:
    'a normalisation, with ReLU or nothing after it, that one convolution alone reads is applied as that loads its input',
  apply: (graph: Graph) =>
    mergePairs(graph, ['normalize'], CONVOLUTIONS, (normalize, convolution) => {
      const { statistics, activation, residual, dims } = normalize.attributes;
      if (statistics !== 'given' || residual || activation === 'tanh') return null;
      if (convolution.attributes.load !== 'plain') return null;
      if (!channelsAlike(dims, graph.values[normalize.output]?.shape)) return null;
      const load: Load = activation === 'relu' ? 'normalized-relu' : 'normalized';
      return {
        ...convolution,
        inputs: normalize.inputs,
        attributes: { ...convolution.attributes, load },
      } as unknown as AnyNode;
    }),
};
