/** The rewrite that makes chains of pointwise nodes one program: values between them stay in the first cache. */
import type { Kernels } from '../ops/kernels.js';
import type { Dims } from '../ops/layout.js';
import { begunWith, type Expression, joined } from '../ops/pointwise_program.js';
import { blockedAxes, denseAxes, isMap, kindsOf, repeatedDims, walkOf } from '../ops/pointwise_walk.js';
import { type Shape, sameShape } from '../tensor/shape.js';
import { constantsOf, type Graph, type Node, type ValueId, valueAt } from './graph.js';
import { mergePairs, type Rewrite } from './rewrite.js';

/** Whether a kernel can walk over the operands. */
function canWalk({ program, dims }: Kernels['pointwise'], shape: Shape, operands: readonly Shape[]): boolean {
  const kinds = kindsOf(program, operands.length);
  if (dims === undefined) return walkOf(denseAxes(shape, operands), kinds) !== null;
  // A map is by channels of these dims, and lies in a way of its own.
  const lie = operands.map((operand, k) => (isMap(kinds, k) ? operand : repeatedDims(dims, shape, operand)));
  return lie.every((own) => own !== null) && walkOf(blockedAxes(dims, lie as Dims[], kinds), kinds) !== null;
}

/** A program's operands, by value. */
type Program = Expression<ValueId | null>;

/**
 * `before` and what a pointwise node does to its result `made`, as one program of the same elements; null where that cannot be, or should not: what
 * parameters alone determine is computed once, what is repeated once for all places.
 */
export function continued(
  graph: Graph<Kernels>,
  constants: ReadonlySet<ValueId>,
  before: Program,
  made: ValueId,
  { attributes, inputs, outputs: [y = -1] }: Node<Kernels, 'pointwise'>,
): Program | null {
  if (constants.has(made) && !constants.has(y)) return null;
  if (!sameShape(valueAt(graph, made).shape, valueAt(graph, y).shape)) return null;
  const after = begunWith<ValueId | null>({ program: attributes.program, inputs }, made);
  return after && joined(before, after);
}

export const joinPointwise: Rewrite<Kernels> = {
  name: 'join-pointwise',
  about: 'pointwise operations on what one of them has made are steps of one program, in one pass',
  apply(graph) {
    const constants = constantsOf(graph);
    return mergePairs(graph, ['pointwise'], ['pointwise'], (producer, reader) => {
      const before = { program: producer.attributes.program, inputs: producer.inputs };
      const [made = -1] = producer.outputs;
      const both = continued(graph, constants, before, made, reader);
      if (both === null) return null;
      const { program, inputs } = both;
      const [first, second] = [producer.attributes.dims, reader.attributes.dims];
      if (first !== undefined && second !== undefined && !sameShape(first, second)) return null;
      const dims = first ?? second;
      const attributes = dims === undefined ? { program } : { program, dims };
      const { shape } = valueAt(graph, made);
      const shapes = inputs.map((id) => valueAt(graph, id ?? -1).shape);
      return canWalk(attributes, shape, shapes)
        ? { ...reader, name: producer.name, inputs, attributes }
        : null;
    });
  },
};
