/**
 * fuse: rewrites of kernel nodes that save passes over memory, applied until none changes anything. A rewrite never touches an intermediate value
 * that something else reads or that is an output. The graph without them stays the oracle.
 * First come those that put nodes together; then chains of pointwise ones (fuse_pointwise.ts), when convolutions and normalisations have what they
 * can do themselves; then, when every normalisation is whole, those that take it apart (fuse_normalize.ts); last what nobody took a part of is
 * put together again.
 */
import type { Activation, Kernels } from '../ops/kernels.js';
import { sameShape } from '../tensor/shape.js';
import {
  joinPlanes,
  normalizeIntoConsumer,
  splitNormalize,
  statisticsIntoProducer,
} from './fuse_normalize.js';
import { joinPointwise } from './fuse_pointwise.js';
import { type AnyNode, type Graph, type Node, valueAt } from './graph.js';
import { mergePairs, type Rewrite, untilNothingChanges } from './rewrite.js';

/** The activation that the node is, and no more. */
function activationOf({ attributes: { program } }: Node<Kernels, 'pointwise'>): Activation | null {
  const [first] = program;
  if (program.length !== 1) return null;
  return first?.step === 'relu' || first?.step === 'tanh' ? first.step : null;
}

const activationIntoProducer: Rewrite<Kernels> = {
  name: 'activation-into-producer',
  about: 'ReLU or tanh after a convolution or a normalisation is applied where the number is made',
  apply: (graph) =>
    mergePairs(graph, ['conv2d', 'conv_transpose2d', 'normalize'], ['pointwise'], (producer, reader) => {
      const activation = activationOf(reader);
      if (activation === null || producer.attributes.activation !== 'none') return null;
      // The residual is added after the activation.
      if (producer.op === 'normalize' && producer.inputs[4] != null) return null;
      const attributes = { ...producer.attributes, activation };
      return { ...producer, attributes, outputs: reader.outputs } as AnyNode<Kernels>;
    }),
};

const residualIntoNormalize: Rewrite<Kernels> = {
  name: 'residual-into-normalize',
  about: 'a sum of a normalisation and a value of the same shape is made in the same pass',
  apply: (graph) =>
    mergePairs(graph, ['normalize'], ['pointwise'], (normalize, sum) => {
      const { program } = sum.attributes;
      if (program.length !== 1 || program[0]?.step !== 'add' || normalize.inputs[4] != null) return null;
      const [output] = normalize.outputs;
      const other = sum.inputs.find((input) => input !== output);
      if (output === undefined || other == null) return null;
      if (!sameShape(valueAt(graph, output).shape, valueAt(graph, other).shape)) return null;
      return { ...normalize, inputs: [...normalize.inputs.slice(0, 4), other], outputs: sum.outputs };
    }),
};

const joining: readonly Rewrite<Kernels>[] = [activationIntoProducer, residualIntoNormalize];
const chaining: readonly Rewrite<Kernels>[] = [joinPointwise];
const splitting: readonly Rewrite<Kernels>[] = [
  splitNormalize,
  statisticsIntoProducer,
  normalizeIntoConsumer,
];
const rejoining: readonly Rewrite<Kernels>[] = [joinPlanes];

/** In the order they are tried. */
export const rewrites: readonly Rewrite<Kernels>[] = [...joining, ...chaining, ...splitting, ...rejoining];

/** Applies every rewrite until none changes anything. */
export function fuse(graph: Graph<Kernels>): Graph<Kernels> {
  return [joining, chaining, splitting, rejoining].reduce(untilNothingChanges, graph);
}
