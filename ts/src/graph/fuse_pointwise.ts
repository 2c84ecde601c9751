/** The rewrite that makes chains of pointwise nodes one program: values between them stay in the first cache. */
import type { Kernels } from '../ops/kernels.js';
import { begunWith, joined } from '../ops/pointwise_program.js';
import { denseAxes, walkOf } from '../ops/pointwise_walk.js';
import { sameShape } from '../tensor/shape.js';
import { constantsOf, valueAt } from './graph.js';
import { mergePairs, type Rewrite } from './rewrite.js';

export const joinPointwise: Rewrite<Kernels> = {
  name: 'join-pointwise',
  about: 'pointwise operations on what one of them has made are steps of one program, in one pass',
  apply(graph) {
    const constants = constantsOf(graph);
    return mergePairs(graph, ['pointwise'], ['pointwise'], (producer, reader) => {
      const [made] = producer.outputs;
      const [y] = reader.outputs;
      if (made === undefined || y === undefined) return null;
      // What parameters alone determine is computed once; what is repeated, once for all places.
      if (constants.has(made) && !constants.has(y)) return null;
      const { shape } = valueAt(graph, y);
      if (!sameShape(valueAt(graph, made).shape, shape)) return null;
      const after = begunWith({ program: reader.attributes.program, inputs: reader.inputs }, made);
      const both = after && joined({ program: producer.attributes.program, inputs: producer.inputs }, after);
      if (both === null) return null;
      const { program, inputs } = both;
      const shapes = inputs.map((id) => valueAt(graph, id ?? -1).shape);
      if (walkOf(denseAxes(shape, shapes), shapes.length) === null) return null;
      return { ...reader, inputs, attributes: { program } };
    });
  },
};
