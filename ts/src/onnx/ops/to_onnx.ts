/** What an operator's ONNX form is: one of these a file, under the operator's name; index.ts lists them. Operator set 17. */
import type { Node, ValueId } from '../../graph/graph.js';
import type { OperatorName, Operators } from '../../graph/operators/index.js';
import { type Shape, sameShape } from '../../tensor/shape.js';
import type { GraphBuilder, OnnxName } from '../builder.js';

/** What a node is exported with. */
export interface Export {
  readonly builder: GraphBuilder;
  /** The ONNX value that a graph value has become; a parameter becomes an initializer when it is first asked for. */
  name(id: ValueId): OnnxName;
  shape(id: ValueId): Shape;
}

/**
 * Appends what a node computes, and gives the name of its value.
 * @throws {@link UnsupportedError} for what operator set 17 has no operator for
 */
export type ToOnnx<K extends OperatorName> = (to: Export, node: Node<Operators, K>) => OnnxName;

/** An input that must be there. */
export function inputOf<K extends OperatorName>({ op, inputs }: Node<Operators, K>, index = 0): ValueId {
  const id = inputs[index];
  if (id == null) throw new RangeError(`${op} has no input ${index}`);
  return id;
}

/** The names of the inputs, absent ones left out. */
export function namesOf<K extends OperatorName>(to: Export, { inputs }: Node<Operators, K>): OnnxName[] {
  return inputs.flatMap((id) => (id === null ? [] : [to.name(id)]));
}

/** The shape of the node's output. */
export function outputShape<K extends OperatorName>(to: Export, { outputs }: Node<Operators, K>): Shape {
  return to.shape(outputs[0] ?? -1);
}

export function reshaped({ builder }: Export, at: string, x: OnnxName, from: Shape, to: Shape): OnnxName {
  return sameShape(from, to) ? x : builder.node('Reshape', at, [x, builder.int64(to)]);
}

/** N C H W of a picture that may lack N, which ONNX's convolutions want. */
export function batched(shape: Shape): Shape {
  return shape.length === 3 ? [1, ...shape] : shape;
}

/** Weight and bias of C channels; ones and zeros where the layer has none. */
export function affine<K extends OperatorName>(
  to: Export,
  { inputs: [, weight, bias] }: Node<Operators, K>,
  channels: number,
): [OnnxName, OnnxName] {
  return [
    weight == null ? to.builder.repeated(1, channels) : to.name(weight),
    bias == null ? to.builder.repeated(0, channels) : to.name(bias),
  ];
}
