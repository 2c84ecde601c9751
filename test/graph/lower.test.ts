/** lower: every operator becomes kernel nodes that agree with its shape rule, and that kernels have layouts for. */
import { describe, expect, test } from 'vitest';
import { type Graph, shapesOf, valueAt } from '../../dist/graph/graph.js';
import { lower } from '../../dist/graph/lower.js';
import { OPERATOR_NAMES, type OperatorName, type Operators } from '../../dist/graph/operators/index.js';
import { paintingOf } from '../../dist/image/paint.js';
import * as nn from '../../dist/nn/index.js';
import { descriptorOf, type RecordKernel } from '../../dist/ops/index.js';
import type { Layout } from '../../dist/ops/layout.js';
import { ALONE } from '../ops/steps.js';
import { isSound, ops, trace } from './build.js';

const F = nn.functional;
const p = (...shape: number[]) => new nn.Parameter(shape);

const painted = (): Graph<Operators> =>
  paintingOf({
    network: new nn.ReflectionPad2d([-1, 1, 0, 0]),
    pictures: { input: { range: [0, 1] }, output: { range: [-1, 1] } },
  }).trace({ width: 7, height: 5, channels: 4 }).graph;

type Body = (...values: nn.Value[]) => nn.Value;
const of =
  (body: Body, ...shapes: readonly number[][]) =>
  (): Graph<Operators> =>
    trace(body, ...shapes);

/** Graphs in which each operator occurs, over ranks and with and without what is optional. */
const GRAPHS: Readonly<Record<OperatorName, readonly (() => Graph<Operators>)[]>> = {
  batch_norm: [
    of((x) => F.batchNorm(x, p(3), p(3), { weight: p(3), bias: p(3) }), [2, 3, 5, 4]),
    of((x) => F.batchNorm(x, p(3), p(3)), [2, 3]),
    of((x) => F.batchNorm(x, null, null, { training: true, bias: p(3) }), [2, 3, 5, 4, 2]),
  ],
  binary: [
    of((x, y) => x.sub(y), [2, 3, 4], [2, 3, 4]),
    of((x, y) => x.mul(y), [3, 1], [2, 1, 5]),
    of((x) => x.div(p(1)), [2, 1, 3, 1, 2, 2]),
    of((x, y) => x.mean().add(y.mean()), [2], [3]),
    of((x, y) => x.abs().pow(y).minimum(y).maximum(x), [2, 3], [3]),
    of((x) => F.prelu(x, p(3)), [2, 3, 4]),
  ],
  concat: [
    of((x, y) => F.cat([x, y, p(2, 7)], 1), [2, 3], [2, 1]),
    of((x, y) => F.cat([x, y], -3), [1, 3, 5, 4], [1, 2, 5, 4]),
    of((x) => F.cat([x]), [4]),
    of((x, y) => F.cat([x, y], 2), [1, 2, 3, 1, 2, 2], [1, 2, 4, 1, 2, 2]),
  ],
  conv: [
    of((x) => F.conv2d(x, p(5, 3, 3, 2), { bias: p(5), stride: 2, padding: 1 }), [2, 3, 9, 8]),
    of((x) => F.conv2d(x, p(5, 3, 3, 3), { dilation: 2 }), [3, 9, 8]),
    of((x, w) => F.conv2d(x, w.view(5, 3, 1, 1)), [1, 3, 4, 4], [15]),
  ],
  conv_transpose: [
    of((x) => F.convTranspose2d(x, p(3, 5, 3, 3), { bias: p(5), stride: 2 }), [2, 3, 4, 5]),
    of((x) => F.convTranspose2d(x, p(3, 5, 2, 2), { stride: 3, outputPadding: 1 }), [3, 4, 5]),
  ],
  group_norm: [
    of((x) => F.groupNorm(x, 2, { weight: p(4) }), [2, 4, 3]),
    of((x) => F.groupNorm(x, 1), [2, 4]),
  ],
  instance_norm: [
    of((x) => F.instanceNorm(x), [2, 3, 5]),
    of((x) => F.instanceNorm(x, { weight: p(3), bias: p(3) }), [2, 3, 5, 2, 4]),
  ],
  layer_norm: [
    of((x) => F.layerNorm(x, [5], { weight: p(5) }), [2, 3, 5]),
    of((x) => F.layerNorm(x, [3, 5, 4], { weight: p(3, 5, 4), bias: p(3, 5, 4) }), [2, 3, 5, 4]),
    of((x) => F.layerNorm(x, [2, 3]), [2, 3]),
  ],
  matmul: [
    of((x, y) => x.matmul(y), [3, 4], [4, 5]),
    of((x, y) => x.matmul(y), [4], [4]),
    of((x, y) => x.matmul(y), [4], [2, 4, 5]),
    of((x, y) => x.matmul(y), [2, 3, 4], [4]),
    of((x, y) => x.matmul(y), [2, 1, 3, 4], [6, 4, 5]),
    of((x) => p(6, 3, 4).matmul(x), [2, 1, 4, 5]),
  ],
  pad: [
    of((x) => F.pad(x, [1, 2]), [5]),
    of((x) => F.pad(x, [1, -2, 0, 3]), [2, 3, 5, 4]),
    of((x) => F.pad(x, [1, 1, 1, 1], { mode: 'reflect' }), [3, 5, 4]),
    of((x) => F.pad(x, [1, 0], { mode: 'replicate' }), [2, 3, 5]),
  ],
  permute: [
    of((x) => x.permute(0, 2, 3, 1), [2, 3, 4, 5]),
    of((x) => x.permute(5, 4, 3, 2, 1, 0), [2, 1, 3, 1, 2, 2]),
    of((x) => x.mean().permute(), [2]),
  ],
  pixels_in: [painted],
  pixels_out: [painted],
  reduce: [
    of((x) => x.mean(), [2, 3, 4]),
    of((x) => x.var([1, 3], { keepdim: true }), [2, 3, 4, 5]),
    of((x) => x.mean([1, 2, 3]), [2, 3, 4, 5, 6, 7]),
  ],
  slice: [
    of((x) => x.slice(0, 1, -1), [5]),
    of((x) => x.slice(-2, 1, undefined, 2), [2, 3, 5, 4]),
    of((x) => x.slice(4, 1), [2, 1, 3, 1, 2, 2]),
  ],
  unary: [
    of((x) => F.rsub(x.relu(), 2), [3]),
    of((x) => x.mean().sqrt(), [2, 3]),
    of((x) => ALONE.reduce((y, { call }) => call(y), x), [2, 3]),
    of((x) => F.leakyRelu(x.clamp(-0.5, 0.75).maximum(-0.4).minimum(0.7).add(1).pow(1.5)), [5, 2]),
  ],
  where: [
    of((x, y) => F.where(x, y, 2), [2, 3, 4], [3, 1]),
    of((x, y) => y.where(x.relu(), x), [2, 1], [2, 5]),
    of((x) => F.where(x.relu(), x, x), [4]),
  ],
  view: [of((x) => x.view(2, -1).tanh(), [2, 3, 4]), of((x) => x.view(1, 1, 1, 1, 1, 1), [1])],
};

const CASES = OPERATOR_NAMES.flatMap((name) => GRAPHS[name].map((graph, index) => ({ name, index, graph })));

const elems = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Elements that a layout counts; null for bytes that only kernels know. */
function counted(layout: Layout): number | null {
  if (layout.kind === 'blocked') return elems(layout.dims);
  return layout.kind === 'dense' ? layout.elems : null;
}

describe.each(CASES)('$name, $index', ({ name, graph: graphOf }) => {
  const traced = graphOf();
  const lowered = lower(traced);

  test('gives what its shape rule says, from the same inputs', () => {
    expect(ops(traced)).toContain(name);
    const typesOf = ({ values }: Pick<typeof traced, 'values'>, ends: typeof traced.outputs) =>
      ends.map(({ value }) => [values[value]?.shape, values[value]?.dtype]);
    expect(typesOf(lowered, lowered.outputs)).toEqual(typesOf(traced, traced.outputs));
    expect(typesOf(lowered, lowered.inputs)).toEqual(typesOf(traced, traced.inputs));
    expect(isSound(traced)).toBe(true);
    expect(isSound(lowered)).toBe(true);
  });

  test('kernels have a layout for each operand, of as many elements', () => {
    for (const node of lowered.nodes) {
      const { inputs, outputs } = shapesOf(lowered, node);
      if (node.op === 'view') {
        expect(elems(inputs[0] ?? [])).toBe(elems(outputs[0] ?? []));
        continue;
      }
      const call = { attributes: node.attributes, inputs, outputs };
      const layouts = descriptorOf(node.op as RecordKernel).layouts(
        call,
        inputs.map(() => null),
      );
      expect(layouts.outputs).toHaveLength(outputs.length);
      const check = (layout: Layout, at: number, ids: readonly (number | null)[]): void => {
        const { shape, dtype } = valueAt(lowered, ids[at] ?? -1);
        if (dtype === 'float32' && layout.kind !== 'packed') expect(counted(layout)).toBe(elems(shape));
        else expect(counted(layout)).toBeNull();
      };
      layouts.outputs.forEach((layout, at) => {
        check(layout, at, node.outputs);
      });
      layouts.inputs.forEach((layout, at) => {
        if (inputs[at] == null || layout === null) return;
        check(layout, at, node.inputs);
      });
    }
  });

  test('is named after the layer or function that wrote it', () => {
    const names = new Set(traced.nodes.map((node) => node.name));
    for (const node of lowered.nodes) expect(names).toContain(node.name);
  });
});
