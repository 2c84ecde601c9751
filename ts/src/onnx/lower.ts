/** One node of the traced graph as nodes of ONNX's operator set 17, each op as the runtimes know it best. */
import { UnsupportedError } from '../errors.js';
import type { Activation, AnyNode, BinaryKind, Node, PaddingMode, Shape, ValueId } from '../graph/ir.js';
import { numel, sameShape } from '../tensor/shape.js';
import { float, type GraphBuilder, type OnnxName } from './builder.js';
import type { Weights } from './weights.js';

export const OPERATOR_SET = 17;

/** What a node is lowered with. */
export interface Lowering {
  readonly builder: GraphBuilder;
  readonly weights: Weights;
  /** The ONNX value that a graph value has become. */
  name(id: ValueId): OnnxName;
  shape(id: ValueId): Shape;
}

const BINARY = { add: 'Add', sub: 'Sub', mul: 'Mul', div: 'Div' } as const satisfies Record<
  BinaryKind,
  string
>;
const PAD_MODES = { zeros: 'constant', reflect: 'reflect', replicate: 'edge' } as const satisfies Record<
  PaddingMode,
  string
>;

const inputOf = (node: AnyNode, index = 0): ValueId => node.inputs[index] ?? -1;

function activated({ builder }: Lowering, at: string, x: OnnxName, activation: Activation): OnnxName {
  if (activation === 'none') return x;
  return builder.node(activation === 'relu' ? 'Relu' : 'Tanh', at, [x]);
}

function reshaped({ builder }: Lowering, at: string, x: OnnxName, from: Shape, to: Shape): OnnxName {
  return sameShape(from, to) ? x : builder.node('Reshape', at, [x, builder.int64(to)]);
}

/** @param padding top, bottom, left, right */
function padded(
  { builder }: Lowering,
  at: string,
  x: OnnxName,
  [top, bottom, left, right]: readonly [number, number, number, number],
  mode: PaddingMode,
  value: number,
): OnnxName {
  const pads = builder.int64([0, 0, top, left, 0, 0, bottom, right]);
  const inputs = mode === 'zeros' ? [x, pads, builder.scalar(value)] : [x, pads];
  return builder.node('Pad', at, inputs, { mode: PAD_MODES[mode] });
}

/** Weight and, where there is one, bias. */
function kernel({ weights }: Lowering, node: Node): OnnxName[] {
  return ['weight', 'bias'].flatMap((role) => {
    const parameter = node.weights[role];
    return parameter === undefined ? [] : [weights.float32(parameter, node.name, role)];
  });
}

function conv2d(to: Lowering, node: Node<'conv2d'>): OnnxName {
  const { stride, dilation, padding, paddingMode, activation } = node.attributes;
  const [top, bottom, left, right] = padding;
  const inside = paddingMode === 'zeros' || padding.every((size) => size === 0);
  const x = to.name(inputOf(node as AnyNode));
  const bordered = inside ? x : padded(to, node.name, x, padding, paddingMode, 0);
  const convolved = to.builder.node('Conv', node.name, [bordered, ...kernel(to, node)], {
    kernel_shape: node.weights.weight?.shape.slice(2) ?? [],
    strides: stride,
    dilations: dilation,
    pads: inside ? [top, left, bottom, right] : [0, 0, 0, 0],
    group: 1,
  });
  return activated(to, node.name, convolved, activation);
}

function convTranspose2d(to: Lowering, node: Node<'conv_transpose2d'>): OnnxName {
  const { stride, padding, outputPadding, activation } = node.attributes;
  const inputs = [to.name(inputOf(node as AnyNode)), ...kernel(to, node)];
  const convolved = to.builder.node('ConvTranspose', node.name, inputs, {
    kernel_shape: node.weights.weight?.shape.slice(2) ?? [],
    strides: stride,
    dilations: [1, 1],
    pads: [...padding, ...padding],
    output_padding: outputPadding,
    group: 1,
  });
  return activated(to, node.name, convolved, activation);
}

/** weight and bias of C channels on a value of N C ...; ones and zeros where the layer has none. */
function affine(to: Lowering, node: Node, channels: number): [OnnxName, OnnxName] {
  const { weight, bias } = node.weights;
  return [
    weight ? to.weights.float32(weight, node.name, 'weight') : to.builder.repeated(1, channels),
    bias ? to.weights.float32(bias, node.name, 'bias') : to.builder.repeated(0, channels),
  ];
}

/** Statistics of groups: InstanceNormalization of [N, groups, the rest], then weight and bias a channel. */
function groupNorm(to: Lowering, node: Node<'normalize'>, x: OnnxName, shape: Shape): OnnxName {
  const { builder } = to;
  const [n, c] = node.attributes.dims;
  const { groups, eps } = node.attributes;
  const grouped = [n, groups, numel(shape) / (n * groups)];
  let y = builder.node(
    'InstanceNormalization',
    node.name,
    [reshaped(to, node.name, x, shape, grouped), builder.repeated(1, groups), builder.repeated(0, groups)],
    { epsilon: float(eps) },
  );
  y = reshaped(to, node.name, y, grouped, shape);
  const sizes = [c, ...shape.slice(2).map(() => 1)];
  for (const [role, op] of [
    ['weight', 'Mul'],
    ['bias', 'Add'],
  ] as const) {
    const parameter = node.weights[role];
    if (parameter === undefined) continue;
    const values = to.weights.float32(parameter, node.name, role);
    y = builder.node(op, node.name, [y, reshaped(to, node.name, values, [c], sizes)]);
  }
  return y;
}

function normalize(to: Lowering, node: Node<'normalize'>): OnnxName {
  const { builder, weights } = to;
  const { attributes, name } = node;
  const [n, c, h, w] = attributes.dims;
  const id = inputOf(node as AnyNode);
  const [x, shape] = [to.name(id), to.shape(id)];
  const epsilon = float(attributes.eps);
  // A layer norm's statistics run over all trailing axes, whose first one `dims` calls the channels.
  const hasChannels = shape[0] === n && shape[1] === c;
  let y: OnnxName;
  if (attributes.statistics === 'running') {
    const { runningMean, runningVar } = node.weights;
    if (runningMean === undefined || runningVar === undefined)
      throw new RangeError(`${name} has no running statistics`);
    const stored = [
      weights.float32(runningMean, name, 'runningMean'),
      weights.float32(runningVar, name, 'runningVar'),
    ];
    y = builder.node('BatchNormalization', name, [x, ...affine(to, node, c), ...stored], { epsilon });
  } else if (attributes.statistics === 'batch') {
    throw new UnsupportedError('statistics over a batch', {
      op: 'exportOnnx',
      got: `${name} in training mode`,
      hint: 'Call .eval() first, or use instance norm.',
    });
  } else if (attributes.groups === c && hasChannels && shape.length > 2) {
    y = builder.node('InstanceNormalization', name, [x, ...affine(to, node, c)], { epsilon });
  } else {
    const viewed = hasChannels ? shape : [n, c, h, w];
    y = groupNorm(to, node, reshaped(to, name, x, shape, viewed), viewed);
    y = reshaped(to, name, y, viewed, shape);
  }
  y = activated(to, name, y, attributes.activation);
  return attributes.residual ? builder.node('Add', name, [to.name(inputOf(node as AnyNode, 1)), y]) : y;
}

function reduce(to: Lowering, node: Node<'reduce'>): OnnxName {
  const { builder } = to;
  const { dims, axes, kind, unbiased } = node.attributes;
  const { name } = node;
  const id = inputOf(node as AnyNode);
  const x = reshaped(to, name, to.name(id), to.shape(id), dims);
  const mean = (of: OnnxName): OnnxName => builder.node('ReduceMean', name, [of], { axes, keepdims: 1 });
  if (kind === 'mean') return mean(x);
  const deviation = builder.node('Sub', name, [x, mean(x)]);
  const variance = mean(builder.node('Mul', name, [deviation, deviation]));
  const count = axes.reduce<number>((product, axis) => product * dims[axis], 1);
  return unbiased ? builder.node('Mul', name, [variance, builder.scalar(count / (count - 1))]) : variance;
}

function unary(to: Lowering, node: Node<'unary'>): OnnxName {
  const { builder } = to;
  const { kind, value } = node.attributes;
  const x = to.name(inputOf(node as AnyNode));
  switch (kind) {
    case 'relu':
      return builder.node('Relu', node.name, [x]);
    case 'tanh':
      return builder.node('Tanh', node.name, [x]);
    case 'sqrt':
      return builder.node('Sqrt', node.name, [x]);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
      return builder.node(BINARY[kind], node.name, [x, builder.scalar(value)]);
    case 'rsub':
      return builder.node('Sub', node.name, [builder.scalar(value), x]);
    case 'rdiv':
      return builder.node('Div', node.name, [builder.scalar(value), x]);
    default:
      return kind satisfies never;
  }
}

/**
 * Appends what `node` computes.
 * @returns the name of its value
 * @throws {@link UnsupportedError} for what operator set 17 has no op for, or no tensors: pixels
 */
export function lower(to: Lowering, node: AnyNode): OnnxName {
  switch (node.op) {
    case 'parameter': {
      const { value } = node.weights;
      if (value === undefined) throw new RangeError(`${node.name} has no parameter`);
      return to.weights.float32(value, node.name, 'value');
    }
    case 'conv2d':
      return conv2d(to, node);
    case 'conv_transpose2d':
      return convTranspose2d(to, node);
    case 'normalize':
      return normalize(to, node);
    case 'reduce':
      return reduce(to, node);
    case 'pad': {
      const { padding, mode, value } = node.attributes;
      return padded(to, node.name, to.name(inputOf(node)), padding, mode, value);
    }
    case 'binary': {
      const { kind, activation } = node.attributes;
      const inputs = [to.name(inputOf(node, 0)), to.name(inputOf(node, 1))];
      return activated(to, node.name, to.builder.node(BINARY[kind], node.name, inputs), activation);
    }
    case 'unary':
      return unary(to, node);
    case 'view':
      return to.builder.node('Reshape', node.name, [
        to.name(inputOf(node)),
        to.builder.int64(node.attributes.shape),
      ]);
    default:
      throw new UnsupportedError('an op that ONNX files cannot hold yet', {
        op: 'exportOnnx',
        got: `${node.op} (${node.name})`,
        wanted: 'a network of float32 values',
      });
  }
}
