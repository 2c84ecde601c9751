/** lower: what users mean -> what kernels compute, operator by operator. Views and shapes only; no rewriting. */
import type { Kernels } from '../ops/kernels.js';
import { sameShape } from '../tensor/shape.js';
import {
  type AnyNode,
  type Graph,
  type GraphValue,
  get,
  mapState,
  type Node,
  type Port,
  shapesOf,
  type ValueId,
  valueAt,
} from './graph.js';
import { type OperatorName, type Operators, operatorOf } from './operators/index.js';
import type { Lowering } from './operators/operator.js';
import { addValue } from './rewrite.js';

/** Lowers a graph of operators to one of kernels. */
export function lower(graph: Graph<Operators>): Graph<Kernels> {
  const values: GraphValue[] = [];
  const nodes: AnyNode<Kernels>[] = [];
  const lowered = new Map<ValueId, ValueId>();
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  graph.values.forEach((value, id) => {
    if (!made.has(id)) lowered.set(id, addValue(values, value));
  });
  const append = <K extends keyof Kernels>(
    node: Omit<Node<Kernels, K>, 'outputs'>,
    value: GraphValue,
  ): ValueId => {
    const output = addValue(values, value);
    // A Node<Kernels, K> is an AnyNode for every K; the compiler cannot distribute over a type parameter.
    nodes.push({ ...node, outputs: [output] } as unknown as AnyNode<Kernels>);
    return output;
  };
  const loweringOf = (name: string, inputs: readonly (ValueId | null)[]): Lowering => ({
    inputs,
    get x() {
      const [x] = inputs;
      if (x == null) throw new RangeError(`${name} has no input`);
      return x;
    },
    append: (op, operands, attributes, shape, dtype = 'float32') =>
      append({ op, name, attributes, inputs: operands }, { shape, dtype }),
    view: (x, shape) =>
      sameShape(valueAt({ values }, x).shape, shape)
        ? x
        : append({ op: 'view', name, attributes: {}, inputs: [x] }, { shape, dtype: 'float32' }),
  });
  const lowerNode = <K extends OperatorName>(node: Node<Operators, K>): void => {
    const inputs = node.inputs.map((id) => (id === null ? null : get(lowered, id)));
    const use = { attributes: node.attributes, ...shapesOf(graph, node) };
    const results = operatorOf(node.op).lower(use, loweringOf(node.name, inputs));
    node.outputs.forEach((id, index) => {
      const result = results[index];
      if (result === undefined) throw new RangeError(`${String(node.op)} makes no output ${index}`);
      lowered.set(id, result);
    });
  };
  for (const node of graph.nodes) lowerNode(node as Node<Operators, OperatorName>);
  const port = ({ value, layout }: Port): Port => ({ value: get(lowered, value), layout });
  return {
    values,
    inputs: graph.inputs.map(port),
    nodes,
    outputs: graph.outputs.map(port),
    state: mapState(graph.state, (id) => get(lowered, id)),
  };
}
