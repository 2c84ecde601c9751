/**
 * fuse: named graph rewrites, each a pure function from graph to graph, applied until none changes anything. A rewrite never touches an
 * intermediate value that something else reads or that is an output. The unfused graph stays the oracle.
 * First come those that put nodes together; then, when every normalisation is whole, those that take it apart (fuse_normalize.ts); last what
 * nobody took a part of is put together again.
 */

import { sameShape } from '../tensor/shape.js';
import {
  joinPlanes,
  normalizeIntoConsumer,
  splitNormalize,
  statisticsIntoProducer,
} from './fuse_normalize.js';
import type { AnyNode, Graph, ValueId } from './ir.js';
import { mergePairs, type Rewrite, useCounts } from './rewrite.js';

export type { Rewrite } from './rewrite.js';

const padIntoConv: Rewrite = {
  name: 'pad-into-conv',
  about: 'a pad in front of an unpadded convolution becomes its padding; zeros may add up',
  apply: (graph) =>
    mergePairs(graph, ['pad'], ['conv2d'], (pad, conv) => {
      const before = pad.attributes;
      const own = conv.attributes.padding;
      const zeros = before.mode === 'zeros' && before.value === 0;
      const bare = own.every((amount) => amount === 0);
      if (before.padding.some((amount) => amount < 0)) return null;
      if (!bare && !(zeros && conv.attributes.paddingMode === 'zeros')) return null;
      if (before.mode === 'zeros' && !zeros) return null;
      const [top, bottom, left, right] = before.padding;
      const padding = [top + own[0], bottom + own[1], left + own[2], right + own[3]] as const;
      return {
        ...conv,
        inputs: pad.inputs,
        attributes: { ...conv.attributes, padding, paddingMode: before.mode },
      };
    }),
};

const dropBias: Rewrite = {
  name: 'drop-bias-before-normalize',
  about: 'a bias in front of a normalisation by per-channel statistics of its own input has no effect',
  apply(graph) {
    const counts = useCounts(graph);
    const dropped = new Set<ValueId>();
    for (const node of graph.nodes) {
      if (node.op !== 'normalize' || node.attributes.statistics === 'running') continue;
      const { dims, groups } = node.attributes;
      const [input] = node.inputs;
      const shape = input === undefined ? undefined : graph.values[input]?.shape;
      const channelsAlike = shape?.[0] === dims[0] && shape[1] === dims[1];
      if (input !== undefined && channelsAlike && groups === dims[1] && counts.get(input) === 1)
        dropped.add(input);
    }
    let changed = false;
    const nodes = graph.nodes.map((node) => {
      if (node.op !== 'conv2d' && node.op !== 'conv_transpose2d') return node;
      if (
        !dropped.has(node.output) ||
        node.weights.bias === undefined ||
        node.attributes.activation !== 'none'
      )
        return node;
      changed = true;
      const { bias: _, ...weights } = node.weights;
      return { ...node, weights } as AnyNode;
    });
    return changed ? { ...graph, nodes } : graph;
  },
};

const activationIntoProducer: Rewrite = {
  name: 'activation-into-producer',
  about: 'ReLU or tanh after a convolution, a normalisation or a sum is applied where the number is made',
  apply: (graph) =>
    mergePairs(graph, ['conv2d', 'conv_transpose2d', 'normalize', 'binary'], ['unary'], (producer, unary) => {
      const { kind } = unary.attributes;
      if (kind !== 'relu' && kind !== 'tanh') return null;
      if (producer.attributes.activation !== 'none') return null;
      // The residual is added after the activation.
      if (producer.op === 'normalize' && 'residual' in producer.attributes && producer.attributes.residual)
        return null;
      const attributes = { ...producer.attributes, activation: kind };
      return { ...producer, attributes, output: unary.output } as unknown as AnyNode;
    }),
};

const residualIntoNormalize: Rewrite = {
  name: 'residual-into-normalize',
  about: 'a sum of a normalisation and a value of the same shape is made in the same pass',
  apply: (graph) =>
    mergePairs(graph, ['normalize'], ['binary'], (normalize, sum) => {
      const { kind, activation } = sum.attributes;
      if (kind !== 'add' || activation !== 'none' || normalize.attributes.residual) return null;
      const other = sum.inputs.find((input) => input !== normalize.output);
      const [x] = normalize.inputs;
      const shape = graph.values[normalize.output]?.shape;
      const otherShape = other === undefined ? undefined : graph.values[other]?.shape;
      if (x === undefined || other === undefined || shape === undefined || otherShape === undefined)
        return null;
      if (!sameShape(shape, otherShape)) return null;
      return {
        ...normalize,
        inputs: [x, other],
        attributes: { ...normalize.attributes, residual: true },
        output: sum.output,
      };
    }),
};

const joining: readonly Rewrite[] = [padIntoConv, dropBias, activationIntoProducer, residualIntoNormalize];
const splitting: readonly Rewrite[] = [splitNormalize, statisticsIntoProducer, normalizeIntoConsumer];
const rejoining: readonly Rewrite[] = [joinPlanes];

/** In the order they are tried. */
export const rewrites: readonly Rewrite[] = [...joining, ...splitting, ...rejoining];

function untilNothingChanges(graph: Graph, some: readonly Rewrite[]): Graph {
  for (let current = graph; ; ) {
    const next = some.reduce((before, rewrite) => rewrite.apply(before), current);
    if (next === current) return current;
    current = next;
  }
}

/** Applies every rewrite until none changes anything. */
export function fuse(graph: Graph): Graph {
  return [joining, splitting, rejoining].reduce(untilNothingChanges, graph);
}
