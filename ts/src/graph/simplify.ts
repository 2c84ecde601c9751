/**
 * simplify: rewrites that need to know what operators mean, applied to the traced graph until none changes anything. A rewrite never touches an
 * intermediate value that something else reads or that is an output. The traced graph stays the oracle.
 */
import {
  type AnyNode,
  constantsOf,
  type Graph,
  type GraphValue,
  type Node,
  type ValueId,
  valueAt,
} from './graph.js';
import { type OperatorName, type Operators, operatorOf } from './operators/index.js';
import { affineIntoInstanceNorm, recognizeInstanceNorm } from './recognize.js';
import {
  addValue,
  isOneOf,
  makers,
  mergePairs,
  type Rewrite,
  untilNothingChanges,
  useCounts,
} from './rewrite.js';

const CONVOLUTIONS = ['conv', 'conv_transpose'] as const;

const padIntoConv: Rewrite<Operators> = {
  name: 'pad-into-conv',
  about: 'a pad in front of an unpadded convolution becomes its padding; zeros may add up',
  apply: (graph) =>
    mergePairs(graph, ['pad'], ['conv'], (pad, conv) => {
      const { pads, mode, value } = pad.attributes;
      const own = conv.attributes.padding;
      const zeros = mode === 'zeros' && value === 0;
      const bare = own.every((amount) => amount === 0);
      if (pads.flat().some((amount) => amount < 0)) return null;
      if (!bare && !(zeros && conv.attributes.paddingMode === 'zeros')) return null;
      if (mode === 'zeros' && !zeros) return null;
      // The convolution's other operands may not be what was padded.
      if (conv.inputs.slice(1).includes(pad.outputs[0] ?? null)) return null;
      const [[top, bottom] = [0, 0], [left, right] = [0, 0]] = pads.slice(-2);
      const padding = [top + own[0], bottom + own[1], left + own[2], right + own[3]] as const;
      return {
        ...conv,
        inputs: [...pad.inputs, ...conv.inputs.slice(1)],
        attributes: { ...conv.attributes, padding, paddingMode: mode },
      };
    }),
};

/** Whether the normalisation's statistics are its own input's, a channel each: what is the same all over a channel has no effect. */
function ignoresShift(node: AnyNode<Operators>, channels: number | undefined): boolean {
  if (node.op === 'instance_norm') return true;
  if (node.op === 'group_norm') return node.attributes.groups === channels;
  return node.op === 'batch_norm' && node.attributes.training;
}

const dropBias: Rewrite<Operators> = {
  name: 'drop-bias-before-normalize',
  about: 'a bias in front of a normalisation by per-channel statistics of its own input has no effect',
  apply(graph) {
    const counts = useCounts(graph);
    const dropped = new Set<ValueId>();
    for (const node of graph.nodes) {
      const [x] = node.inputs;
      if (x == null || counts.get(x) !== 1 || !ignoresShift(node, valueAt(graph, x).shape[1])) continue;
      // Of three axes an unbatched picture's first is the channels, and a normalisation's second.
      if (valueAt(graph, x).shape.length === 4) dropped.add(x);
    }
    let changed = false;
    const nodes = graph.nodes.map((node): AnyNode<Operators> => {
      const [output] = node.outputs;
      if (!isOneOf(node, CONVOLUTIONS) || output === undefined || !dropped.has(output)) return node;
      if (node.inputs[2] == null) return node;
      changed = true;
      return { ...node, inputs: [...node.inputs.slice(0, 2), null] } as AnyNode<Operators>;
    });
    return changed ? { ...graph, nodes } : graph;
  },
};

/** Writes nodes of parameters' arithmetic, named after one. */
class Arithmetic {
  readonly nodes: AnyNode<Operators>[] = [];
  readonly #values: GraphValue[];
  readonly #name: string;

  constructor(values: GraphValue[], name: string) {
    this.#values = values;
    this.#name = name;
  }

  make<K extends OperatorName>(op: K, inputs: readonly ValueId[], attributes: Operators[K]): ValueId {
    const types = inputs.map((id) => ({ shape: this.#values[id]?.shape ?? [], dtype: 'float32' as const }));
    const [type] = operatorOf(op).infer(attributes, types, op);
    if (type === undefined) throw new RangeError(`${op} has no output`);
    const output = addValue(this.#values, type);
    const node = { op, name: this.#name, attributes, inputs, outputs: [output] };
    this.nodes.push(node as unknown as AnyNode<Operators>);
    return output;
  }
}

/** The convolution's weight and bias with y * scale + (bias - mean) * scale + beta in them. */
function folded(
  conv: Node<Operators, (typeof CONVOLUTIONS)[number]>,
  norm: Node<Operators, 'batch_norm'>,
  values: GraphValue[],
): AnyNode<Operators>[] | null {
  const [x = null, weight, bias] = conv.inputs;
  const [, gamma, beta, mean, variance] = norm.inputs;
  if (weight == null || mean == null || variance == null) return null;
  const to = new Arithmetic(values, norm.name);
  const { eps } = norm.attributes;
  const deviation = to.make('unary', [to.make('unary', [variance], { kind: 'add', numbers: [eps] })], {
    kind: 'sqrt',
    numbers: [],
  });
  const scale =
    gamma == null
      ? to.make('unary', [deviation], { kind: 'rdiv', numbers: [1] })
      : to.make('binary', [gamma, deviation], { kind: 'div' });
  const [channels = 1] = values[scale]?.shape ?? [];
  const shape = conv.op === 'conv' ? [channels, 1, 1, 1] : [1, channels, 1, 1];
  const scaled = to.make('binary', [weight, to.make('view', [scale], { shape })], { kind: 'mul' });
  const centred =
    bias == null
      ? to.make('unary', [mean], { kind: 'mul', numbers: [-1] })
      : to.make('binary', [bias, mean], { kind: 'sub' });
  const product = to.make('binary', [centred, scale], { kind: 'mul' });
  const shift = beta == null ? product : to.make('binary', [product, beta], { kind: 'add' });
  return [...to.nodes, { ...conv, inputs: [x, scaled, shift], outputs: norm.outputs } as AnyNode<Operators>];
}

const foldBatchNorm: Rewrite<Operators> = {
  name: 'fold-batch-norm',
  about: 'a batch norm of stored statistics behind a convolution of parameters becomes its weight and bias',
  apply(graph) {
    const counts = useCounts(graph);
    const made = makers(graph);
    const constants = constantsOf(graph);
    const values = [...graph.values];
    const gone = new Set<AnyNode<Operators>>();
    const nodes = graph.nodes.flatMap((norm): AnyNode<Operators>[] => {
      const [x, ...parameters] = norm.inputs;
      if (norm.op !== 'batch_norm' || norm.attributes.training || x == null || counts.get(x) !== 1)
        return [norm];
      const conv = made.get(x);
      // A grouped transposed convolution's outputs are spread over two axes of its weight.
      if (conv?.op === 'conv_transpose' && conv.attributes.groups > 1) return [norm];
      if (conv === undefined || !isOneOf(conv, CONVOLUTIONS) || valueAt(graph, x).shape.length !== 4)
        return [norm];
      const known = [...parameters, ...conv.inputs.slice(1)].every((id) => id === null || constants.has(id));
      const replaced = known ? folded(conv, norm, values) : null;
      if (replaced === null) return [norm];
      gone.add(conv);
      return replaced;
    });
    return gone.size === 0 ? graph : { ...graph, values, nodes: nodes.filter((node) => !gone.has(node)) };
  },
};

/** In the order they are tried. */
export const simplifications: readonly Rewrite<Operators>[] = [
  recognizeInstanceNorm,
  affineIntoInstanceNorm,
  padIntoConv,
  dropBias,
  foldBatchNorm,
];

/** Applies every simplification until none changes anything. */
export function simplify(graph: Graph<Operators>): Graph<Operators> {
  return untilNothingChanges(graph, simplifications);
}
