/** Rewrites that let what a convolution or matrix product makes pass pointwise programs before it leaves the caches. */
import { OPERANDS_AT as AFTER_CONSTANTS } from '../ops/conv_around.js';
import { canPassWith } from '../ops/epilogue.js';
import type { Kernels } from '../ops/kernels.js';
import { OPERANDS_AT as AFTER_BIAS } from '../ops/matmul.js';
import { isAffine } from '../ops/pointwise_program.js';
import { numel, type Shape, sameShape } from '../tensor/shape.js';
import { continued } from './fuse_pointwise.js';
import { type AnyNode, constantsOf, valueAt } from './graph.js';
import { addValue, isOneOf, makers, mergePairs, type Rewrite, useCounts } from './rewrite.js';

/** Kernels whose results pass a program, and where its operands begin among their inputs. */
const OPERANDS_AT = {
  conv2d: AFTER_CONSTANTS,
  conv_transpose2d: AFTER_CONSTANTS,
  matmul: AFTER_BIAS,
} as const;
const PRODUCERS = ['conv2d', 'conv_transpose2d', 'matmul'] as const;

export const pointwiseIntoProducer: Rewrite<Kernels> = {
  name: 'pointwise-into-producer',
  about:
    'pointwise operations on what a convolution or a matrix product makes are done to its results while a cache holds them',
  apply(graph) {
    const constants = constantsOf(graph);
    return mergePairs(graph, PRODUCERS, ['pointwise'], (producer, reader) => {
      const [made = -1] = producer.outputs;
      const at = OPERANDS_AT[producer.op];
      const before = { program: producer.attributes.program, inputs: [made, ...producer.inputs.slice(at)] };
      const both = continued(graph, constants, before, made, reader);
      // A normalisation is applied as the next convolution loads, if it can be.
      if (both === null || both.program.some(isAffine)) return null;
      const { shape } = valueAt(graph, made);
      const [, ...operands] = both.inputs;
      if (!operands.every((id) => canPassWith(shape, valueAt(graph, id ?? -1).shape))) return null;
      const own = Array.from({ length: at }, (_, index) => producer.inputs[index] ?? null);
      return {
        ...producer,
        inputs: [...own, ...operands],
        outputs: reader.outputs,
        attributes: { ...producer.attributes, program: both.program },
      } as AnyNode<Kernels>;
    });
  },
};

const withoutOnes = (shape: Shape): Shape => {
  const first = shape.findIndex((size) => size !== 1);
  return first < 0 ? [] : shape.slice(first);
};

/** The shape under which an operand beside `seen` stands beside the same elements as `lies`; null where none does. */
function viewedShape(operand: Shape, seen: Shape, lies: Shape): Shape | null {
  const own = withoutOnes(operand);
  if (sameShape(withoutOnes(seen), withoutOnes(lies))) return own;
  if (numel(operand) === numel(seen)) return lies;
  const last = own.length === 0 || (own.length === 1 && seen.at(-1) === lies.at(-1));
  return last ? own : null;
}

export const pointwiseBeforeView: Rewrite<Kernels> = {
  name: 'pointwise-before-view',
  about:
    'a pointwise operation on a view of what a convolution or a matrix product makes is one on that, and the view comes after it',
  apply(graph) {
    const values = [...graph.values];
    const [counts, made] = [useCounts(graph), makers(graph)];
    const gone = new Set<AnyNode<Kernels>>();
    const nodes = graph.nodes.flatMap((reader): AnyNode<Kernels>[] => {
      const [y] = reader.outputs;
      if (reader.op !== 'pointwise' || y === undefined) return [reader];
      for (const input of reader.inputs) {
        const view = input === null ? undefined : made.get(input);
        const [source = null] = view?.inputs ?? [];
        const producer = source === null ? undefined : made.get(source);
        if (input === null || view?.op !== 'view' || source === null || producer === undefined) continue;
        if (gone.has(view) || !isOneOf(producer, PRODUCERS) || producer.outputs.length !== 1) continue;
        if (counts.get(input) !== 1 || counts.get(source) !== 1) continue;
        const [{ shape: seen }, { shape: lies }] = [valueAt(graph, input), valueAt(graph, source)];
        if (!sameShape(seen, valueAt(graph, y).shape)) continue;
        const shapes = reader.inputs.map((id) => valueAt(graph, id ?? -1));
        const wanted = shapes.map(({ shape, dtype }) =>
          dtype === 'float32' ? viewedShape(shape, seen, lies) : null,
        );
        if (!wanted.every((shape) => shape !== null)) continue;
        gone.add(view);
        const views: AnyNode<Kernels>[] = [];
        const inputs = reader.inputs.map((id, k) => {
          const shape = wanted[k];
          if (id === input || id === null || shape === undefined) return source;
          if (sameShape(shape, shapes[k]?.shape ?? [])) return id;
          const seenAs = addValue(values, { shape, dtype: 'float32' });
          views.push({ op: 'view', name: reader.name, attributes: {}, inputs: [id], outputs: [seenAs] });
          return seenAs;
        });
        const passed = addValue(values, { shape: lies, dtype: 'float32' });
        return [
          ...views,
          { ...reader, inputs, outputs: [passed] },
          { op: 'view', name: view.name, attributes: {}, inputs: [passed], outputs: [y] },
        ];
      }
      return [reader];
    });
    return gone.size === 0 ? graph : { ...graph, values, nodes: nodes.filter((node) => !gone.has(node)) };
  },
};
