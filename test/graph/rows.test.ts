/** Which rows of its inputs an operator says its rows need: no others have a part in them, and of some operators the outermost do. */
import { Engine, Tensor } from 'gouache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { valueAt } from '../../dist/graph/graph.js';
import {
  OPERATOR_NAMES,
  type OperatorName,
  type Operators,
  operatorOf,
} from '../../dist/graph/operators/index.js';
import type { NeededRows, Operator, Rows } from '../../dist/graph/operators/operator.js';
import * as nn from '../../dist/nn/index.js';
import { traceModule } from '../../dist/nn/trace.js';
import { random, randomTensor, type Shape, size } from '../ops/array.js';

const F = nn.functional;

interface Case {
  readonly name: string;
  readonly inputs: readonly Shape[];
  readonly target: (...inputs: nn.Value[]) => nn.Value;
  /** The first and the last row that it says it needs have a part in it. */
  readonly tight?: true;
}

const picture: Shape = [2, 3, 9, 5];

const CASES: { readonly [K in Exclude<OperatorName, 'pixels_in' | 'pixels_out'>]: readonly Case[] } = {
  batch_norm: [
    {
      name: 'stored',
      inputs: [picture, [3], [3]],
      target: (x, m, v) => F.batchNorm(x, m.mul(0) as never, v.mul(v).add(1) as never),
    },
  ],
  binary: [
    { name: 'alike', inputs: [picture, picture], target: (x, y) => x.mul(y) },
    { name: 'a row for all', inputs: [picture, [3, 1, 5]], target: (x, y) => x.sub(y) },
    {
      name: 'rows against columns',
      inputs: [
        [4, 1, 6],
        [7, 1],
      ],
      target: (x, y) => x.add(y),
    },
    { name: 'a vector', inputs: [[5], [4, 1]], target: (x, y) => x.add(y) },
  ],
  concat: [
    {
      name: 'rows',
      inputs: [
        [2, 3, 4, 5],
        [2, 3, 1, 5],
        [2, 3, 6, 5],
      ],
      target: (...xs) => F.cat(xs, 2),
    },
    { name: 'channels', inputs: [picture, picture], target: (...xs) => F.cat(xs, 1) },
    {
      name: 'columns',
      inputs: [
        [6, 5],
        [6, 2],
      ],
      target: (...xs) => F.cat(xs, 1),
    },
  ],
  conv: [
    {
      name: '3x3',
      inputs: [picture, [4, 3, 3, 3], [4]],
      target: (x, w, b) => F.conv2d(x, w, { bias: b }),
      tight: true,
    },
    {
      name: 'strided, dilated',
      inputs: [
        [3, 19, 5],
        [4, 3, 3, 2],
      ],
      target: (x, w) => F.conv2d(x, w, { stride: [3, 1], dilation: [2, 1] }),
      tight: true,
    },
    {
      name: 'padded',
      inputs: [picture, [4, 3, 3, 3]],
      target: (x, w) => F.conv2d(x, w, { padding: 1 }),
      tight: true,
    },
    {
      name: 'depthwise',
      inputs: [picture, [3, 1, 3, 3]],
      target: (x, w) => F.conv2d(x, w, { groups: 3, dilation: [1, 2], padding: 1 }),
      tight: true,
    },
    {
      name: 'padded far',
      inputs: [
        [1, 2, 4, 5],
        [4, 2, 3, 3],
      ],
      target: (x, w) => F.conv2d(x, w, { padding: 7, stride: 2 }),
    },
    {
      name: 'a long stride',
      inputs: [picture, [4, 3, 2, 2]],
      target: (x, w) => F.conv2d(x, w, { stride: 100 }),
      tight: true,
    },
  ],
  conv_transpose: [
    {
      name: '3x3',
      inputs: [picture, [3, 4, 3, 3]],
      target: (x, w) => F.convTranspose2d(x, w, { stride: 2, padding: 1, outputPadding: 1 }),
    },
    {
      name: 'unpadded',
      inputs: [picture, [3, 4, 4, 3], [4]],
      target: (x, w, b) => F.convTranspose2d(x, w, { bias: b }),
      tight: true,
    },
    {
      name: 'with gaps',
      inputs: [
        [3, 6, 5],
        [3, 4, 1, 2],
      ],
      target: (x, w) => F.convTranspose2d(x, w, { stride: [3, 2], outputPadding: [2, 0] }),
    },
    {
      name: 'grouped, dilated',
      inputs: [
        [4, 6, 5],
        [4, 3, 3, 2],
      ],
      target: (x, w) => F.convTranspose2d(x, w, { groups: 2, dilation: [2, 1], stride: 2, padding: 1 }),
    },
    {
      name: 'one row',
      inputs: [
        [3, 1, 5],
        [3, 4, 2, 2],
      ],
      target: (x, w) => F.convTranspose2d(x, w, { stride: 3, outputPadding: 1 }),
    },
  ],
  group_norm: [{ name: 'two', inputs: [[2, 4, 5, 3]], target: (x) => F.groupNorm(x, 2) }],
  instance_norm: [{ name: 'plain', inputs: [picture], target: (x) => F.instanceNorm(x) }],
  layer_norm: [
    { name: 'columns', inputs: [picture], target: (x) => F.layerNorm(x, [5]) },
    { name: 'of [N C]', inputs: [[6, 5]], target: (x) => F.layerNorm(x, [5]) },
    { name: 'rows and columns', inputs: [picture], target: (x) => F.layerNorm(x, [9, 5]) },
  ],
  matmul: [
    {
      name: 'matrices',
      inputs: [
        [7, 4],
        [4, 5],
      ],
      target: (a, b) => a.matmul(b),
    },
    {
      name: 'batches',
      inputs: [
        [3, 1, 7, 4],
        [2, 4, 5],
      ],
      target: (a, b) => a.matmul(b),
    },
    { name: 'by a vector', inputs: [[7, 4], [4]], target: (a, b) => a.matmul(b) },
    { name: 'batches by a vector', inputs: [[3, 7, 4], [4]], target: (a, b) => a.matmul(b) },
    { name: 'of a vector', inputs: [[4], [6, 4, 5]], target: (a, b) => a.matmul(b) },
    { name: 'of vectors', inputs: [[4], [4]], target: (a, b) => a.matmul(b) },
  ],
  pad: [
    {
      name: 'reflected',
      inputs: [picture],
      target: (x) => F.pad(x, [1, 1, 4, 7], { mode: 'reflect' }),
      tight: true,
    },
    {
      name: 'repeated',
      inputs: [picture],
      target: (x) => F.pad(x, [1, 1, 4, 7], { mode: 'replicate' }),
      tight: true,
    },
    { name: 'cropped', inputs: [picture], target: (x) => F.pad(x, [0, 0, -2, -3]), tight: true },
    { name: 'zeros', inputs: [picture], target: (x) => F.pad(x, [0, 0, 2, 3]) },
    { name: 'cropped and reflected', inputs: [[6, 5]], target: (x) => F.pad(x, [0, 0, -2, 3]) },
    { name: 'a vector', inputs: [[6]], target: (x) => F.pad(x, [2, 1]) },
  ],
  permute: [
    { name: 'rows stay', inputs: [picture], target: (x) => x.permute(1, 0, 2, 3) },
    { name: 'rows move', inputs: [picture], target: (x) => x.permute(0, 2, 3, 1) },
    { name: 'transposed', inputs: [[4, 6]], target: (x) => x.permute(1, 0) },
  ],
  reduce: [
    { name: 'columns', inputs: [picture], target: (x) => x.mean(3, { keepdim: true }) },
    { name: 'columns that go', inputs: [picture], target: (x) => x.mean(3) },
    { name: 'channels', inputs: [picture], target: (x) => x.var(1) },
    { name: 'rows', inputs: [picture], target: (x) => x.mean(2, { keepdim: true }) },
    { name: 'channels of rank 3', inputs: [[4, 5, 6]], target: (x) => x.mean(0) },
    { name: 'all', inputs: [picture], target: (x) => x.mean() },
    { name: 'a vector', inputs: [[5]], target: (x) => x.mean(0, { keepdim: true }) },
  ],
  slice: [
    { name: 'rows', inputs: [picture], target: (x) => x.slice(2, 1, 8, 3), tight: true },
    { name: 'columns', inputs: [picture], target: (x) => x.slice(3, 1, 4), tight: true },
    { name: 'channels', inputs: [picture], target: (x) => x.slice(1, 1), tight: true },
  ],
  unary: [
    { name: 'tanh', inputs: [picture], target: (x) => x.tanh() },
    { name: 'a vector', inputs: [[5]], target: (x) => x.tanh() },
  ],
  view: [
    { name: 'rows stay', inputs: [picture], target: (x) => x.view(6, 9, 5) },
    { name: 'rows merge', inputs: [picture], target: (x) => x.view(2, 27, 5) },
    { name: 'columns merge', inputs: [picture], target: (x) => x.view(2, 3, 45) },
    { name: 'a row for a vector', inputs: [[5]], target: (x) => x.view(1, 5) },
  ],
  where: [{ name: 'a row for all', inputs: [picture, [3, 1, 5]], target: (x, y) => F.where(x.relu(), y, 2) }],
};

/** Row of each element. */
function rowOf(shape: Shape, element: number): number {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  return Math.floor(element / columns) % rows;
}

const inside = (rows: NeededRows, row: number): boolean =>
  rows === 'whole' || (rows !== null && rows.first <= row && row <= rows.last);

/** The tensor with other numbers in the rows that `changes` says. */
function changed(x: Tensor, changes: (row: number) => boolean, value: number): Tensor {
  const data = Float32Array.from(x.data, (old, at) => (changes(rowOf(x.shape, at)) ? old + value : old));
  return Tensor.from(data, x.shape);
}

const rowsOf = ({ data, shape }: Tensor, { first, last }: Rows): number[] =>
  [...data].filter((_, at) => first <= rowOf(shape, at) && rowOf(shape, at) <= last);

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ threads: 1, worker: false });
});
afterAll(() => engine?.dispose());

test('every operator is here but those of pixels', () => {
  expect([...Object.keys(CASES), 'pixels_in', 'pixels_out'].sort()).toEqual([...OPERATOR_NAMES].sort());
});

describe.each(Object.keys(CASES) as (keyof typeof CASES)[])('%s', (op) => {
  test.each(CASES[op])('$name', async ({ inputs, target, tight }) => {
    const { graph } = traceModule(
      target,
      inputs.map((shape) => ({ shape })),
    );
    const node = graph.nodes.find((one) => one.op === op);
    if (node === undefined) throw new Error(`no ${op}`);
    const shapes = node.inputs.map((id) => (id === null ? null : valueAt(graph, id).shape));
    const output = valueAt(graph, node.outputs[0] ?? -1).shape;
    const operator = operatorOf(op) as Operator<Operators[OperatorName]>;
    const next = random(size(output));
    const xs = inputs.map((shape) => randomTensor(next, shape));
    const compute = (given: readonly Tensor[]): Promise<Tensor> =>
      engine.run(target, given, { fuse: false, precision: 'highest' });
    const before = await compute(xs);
    const height = output.at(-2) ?? 1;
    const single = Array.from({ length: height }, (_, row) => [row, row]);
    const ranges = Array.from({ length: 6 }, () => [0, 0].map(() => Math.floor(next() * height)));
    for (const ends of [...single, ...ranges]) {
      const rows = { first: Math.min(...ends), last: Math.max(...ends) };
      const needed = operator.rows({ attributes: node.attributes, inputs: shapes, outputs: [output] }, rows);
      expect(needed).toHaveLength(shapes.length);
      for (const [at, { value }] of graph.inputs.entries()) {
        const need = needed[node.inputs.indexOf(value)] ?? null;
        // Of what is computed before the operator, only that it is 'whole' can be told.
        if (!node.inputs.includes(value)) continue;
        const rowCount = inputs[at]?.at(-2) ?? 1;
        if (need !== null && need !== 'whole') {
          expect(need.first).toBeLessThanOrEqual(need.last);
          expect(need.first).toBeGreaterThanOrEqual(0);
          expect(need.last).toBeLessThan(rowCount);
        }
        const replaced = (changes: (row: number) => boolean, by: number): Tensor[] =>
          xs.map((x, index) => (index === at ? changed(x, changes, by) : x));
        const others = await compute(replaced((row) => !inside(need, row), Number.NaN));
        expect(rowsOf(others, rows), `${JSON.stringify(rows)} of input ${at}`).toEqual(rowsOf(before, rows));
        if (tight === undefined || at > 0 || need === null || need === 'whole') continue;
        for (const row of [need.first, need.last]) {
          const one = await compute(replaced((other) => other === row, 1));
          expect(rowsOf(one, rows), `row ${row} for ${JSON.stringify(rows)}`).not.toEqual(
            rowsOf(before, rows),
          );
        }
      }
    }
  });
});
