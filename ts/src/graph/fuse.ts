/**
 * fuse: rewrites of kernel nodes that save passes over memory, applied until none changes anything. A rewrite never touches an intermediate value
 * that something else reads or that is an output. The graph without them stays the oracle.
 * First come those that put nodes together; then, when every normalisation is whole, those that take it apart (fuse_normalize.ts); last what
 * nobody took a part of is put together again.
 */
import type { Kernels } from '../ops/kernels.js';
import { sameShape } from '../tensor/shape.js';
import {
  joinPlanes,
  normalizeIntoConsumer,
  splitNormalize,
  statisticsIntoProducer,
} from './fuse_normalize.js';
import { type AnyNode, type Graph, valueAt } from './graph.js';
import { mergePairs, type Rewrite, untilNothingChanges } from './rewrite.js';

const activationIntoProducer: Rewrite<Kernels> = {
  name: 'activation-into-producer',
  about: 'ReLU or tanh after a convolution, a normalisation or a sum is applied where the number is made',
  apply: (graph) =>
    mergePairs(graph, ['conv2d', 'conv_transpose2d', 'normalize', 'binary'], ['unary'], (producer, unary) => {
      const { kind } = unary.attributes;
      if (kind !== 'relu' && kind !== 'tanh') return null;
      if (producer.attributes.activation !== 'none') return null;
      // The residual is added after the activation.
      if (producer.op === 'normalize' && producer.inputs[4] != null) return null;
      const attributes = { ...producer.attributes, activation: kind };
      return { ...producer, attributes, outputs: unary.outputs } as AnyNode<Kernels>;
    }),
};

const residualIntoNormalize: Rewrite<Kernels> = {
  name: 'residual-into-normalize',
  about: 'a sum of a normalisation and a value of the same shape is made in the same pass',
  apply: (graph) =>
    mergePairs(graph, ['normalize'], ['binary'], (normalize, sum) => {
      const { kind, activation } = sum.attributes;
      if (kind !== 'add' || activation !== 'none' || normalize.inputs[4] != null) return null;
      const [output] = normalize.outputs;
      const other = sum.inputs.find((input) => input !== output);
      if (output === undefined || other == null) return null;
      if (!sameShape(valueAt(graph, output).shape, valueAt(graph, other).shape)) return null;
      return { ...normalize, inputs: [...normalize.inputs.slice(0, 4), other], outputs: sum.outputs };
    }),
};

const joining: readonly Rewrite<Kernels>[] = [activationIntoProducer, residualIntoNormalize];
const splitting: readonly Rewrite<Kernels>[] = [
  splitNormalize,
  statisticsIntoProducer,
  normalizeIntoConsumer,
];
const rejoining: readonly Rewrite<Kernels>[] = [joinPlanes];

/** In the order they are tried. */
export const rewrites: readonly Rewrite<Kernels>[] = [...joining, ...splitting, ...rejoining];

/** Applies every rewrite until none changes anything. */
export function fuse(graph: Graph<Kernels>): Graph<Kernels> {
  return [joining, splitting, rejoining].reduce(untilNothingChanges, graph);
}
