/**
 * Recognition: networks that write a normalisation in arithmetic mean the operator, whose kernels take its statistics as a convolution stores and
 * apply them as the next one loads. Dead arithmetic is dropped.
 */
import { sameShape } from '../tensor/shape.js';
import {
  type AnyNode,
  constantsOf,
  dropUnread,
  type Graph,
  type Node,
  type ValueId,
  valueAt,
} from './graph.js';
import type { OperatorName, Operators } from './operators/index.js';
import { addValue, makers, type Rewrite, useCounts } from './rewrite.js';

type OperatorGraph = Graph<Operators>;

/** Looks at what made values. */
class Matcher {
  readonly #graph: OperatorGraph;
  readonly #made: ReadonlyMap<ValueId, AnyNode<Operators>>;

  constructor(graph: OperatorGraph) {
    this.#graph = graph;
    this.#made = makers(graph);
  }

  /** The node that made the value, if it is of this operator. */
  node<K extends OperatorName>(id: ValueId | null | undefined, op: K): Node<Operators, K> | null {
    const node = id == null ? undefined : this.#made.get(id);
    return node?.op === op ? (node as unknown as Node<Operators, K>) : null;
  }

  binary(
    id: ValueId | null | undefined,
    kind: Operators['binary']['kind'],
  ): readonly [ValueId, ValueId] | null {
    const node = this.node(id, 'binary');
    const [a, b] = node?.inputs ?? [];
    return node?.attributes.kind === kind && a != null && b != null ? [a, b] : null;
  }

  unary(
    id: ValueId | null | undefined,
    kind: Operators['unary']['kind'],
  ): { x: ValueId; value: number } | null {
    const node = this.node(id, 'unary');
    const [x] = node?.inputs ?? [];
    return node?.attributes.kind === kind && x != null ? { x, value: node.attributes.numbers[0] ?? 0 } : null;
  }

  /** What a mean or a biased variance over the pixels of each plane is taken of. */
  overPlanes(id: ValueId | null | undefined, kind: 'mean' | 'var'): ValueId | null {
    const node = this.node(id, 'reduce');
    const [x] = node?.inputs ?? [];
    if (node === null || x == null) return null;
    const { attributes } = node;
    const planes = valueAt(this.#graph, x).shape.length === 4 && [...attributes.axes].sort().join() === '2,3';
    return attributes.kind === kind && planes && attributes.keepdim && !attributes.unbiased ? x : null;
  }

  /** x, of x - mean(x). */
  centred(id: ValueId): ValueId | null {
    const difference = this.binary(id, 'sub');
    return difference !== null && this.overPlanes(difference[1], 'mean') === difference[0]
      ? difference[0]
      : null;
  }

  /** x, of var(x) or mean((x - mean(x))^2). */
  measured(id: ValueId): ValueId | null {
    const product = this.binary(this.overPlanes(id, 'mean'), 'mul');
    if (product !== null && product[0] === product[1]) return this.centred(product[0]);
    return this.overPlanes(id, 'var');
  }

  /** x and eps, of (x - mean(x)) / sqrt(var(x) + eps). */
  instanceNorm(id: ValueId): { x: ValueId; eps: number } | null {
    const quotient = this.binary(id, 'div');
    if (quotient === null) return null;
    const shifted = this.unary(this.unary(quotient[1], 'sqrt')?.x, 'add');
    const x = this.centred(quotient[0]);
    if (x === null || shifted === null || !(shifted.value >= 0) || this.measured(shifted.x) !== x)
      return null;
    const [, , h = 1, w = 1] = valueAt(this.#graph, x).shape;
    return h * w > 1 ? { x, eps: shifted.value } : null;
  }
}

export const recognizeInstanceNorm: Rewrite<Operators> = {
  name: 'recognize-instance-norm',
  about: '(x - mean) / sqrt(var + eps) over each plane is an instance norm',
  apply(graph) {
    const match = new Matcher(graph);
    let found = false;
    const nodes = graph.nodes.map((node): AnyNode<Operators> => {
      const [output] = node.outputs;
      const norm = node.op === 'binary' && output !== undefined ? match.instanceNorm(output) : null;
      if (norm === null) return node;
      found = true;
      const { x, eps } = norm;
      return { ...node, op: 'instance_norm', inputs: [x, null, null], attributes: { eps } };
    });
    return found ? dropUnread({ ...graph, nodes }) : graph;
  },
};

/** The role that a constant a channel, behind a normalisation, has in it. */
const ROLES = { mul: 1, add: 2 } as const;

export const affineIntoInstanceNorm: Rewrite<Operators> = {
  name: 'affine-into-instance-norm',
  about: "a product or a sum of an instance norm and a parameter a channel is the norm's weight or bias",
  apply(graph) {
    const made = makers(graph);
    const constants = constantsOf(graph);
    const counts = useCounts(graph);
    const values = [...graph.values];
    const gone = new Set<AnyNode<Operators>>();
    const nodes = graph.nodes.flatMap((node): AnyNode<Operators>[] => {
      if (node.op !== 'binary' || (node.attributes.kind !== 'mul' && node.attributes.kind !== 'add'))
        return [node];
      const role = ROLES[node.attributes.kind];
      const normalized = node.inputs.find((id) => id !== null && made.get(id)?.op === 'instance_norm');
      const other = node.inputs.find((id) => id !== normalized);
      const norm = normalized == null ? undefined : made.get(normalized);
      if (normalized == null || other == null || norm?.op !== 'instance_norm' || gone.has(norm))
        return [node];
      const [, channels = 1, ...plane] = valueAt(graph, normalized).shape;
      // Of another rank what looks like a number a channel is one of something else.
      if (plane.length !== 2 || counts.get(normalized) !== 1 || !constants.has(other)) return [node];
      const { shape } = valueAt(graph, other);
      const aChannel = sameShape(shape.slice(-3), [channels, 1, 1]) && (shape.length === 3 || shape[0] === 1);
      // A weight behind a bias would scale that, too.
      if (!aChannel || shape.length > 4 || norm.inputs[role] != null || norm.inputs[2] != null) return [node];
      gone.add(norm);
      const vector = addValue(values, { shape: [channels], dtype: 'float32' });
      const inputs = norm.inputs.map((id, at) => (at === role ? vector : id));
      return [
        {
          op: 'view',
          name: node.name,
          attributes: { shape: [channels] },
          inputs: [other],
          outputs: [vector],
        },
        { ...norm, inputs, outputs: node.outputs },
      ];
    });
    return gone.size === 0 ? graph : { ...graph, values, nodes: nodes.filter((node) => !gone.has(node)) };
  },
};
