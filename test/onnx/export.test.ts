// exportOnnx: the bytes are decoded again; nodes, shapes and weights are those of the network. execute.test.ts runs them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import {
  ArgumentError,
  CycleGANGenerator,
  loadModel,
  ShapeError,
  StateDictError,
  StyleTransferNetwork,
  Tensor,
  UnsupportedError,
} from 'gouache';
import * as nn from 'gouache/nn';
import { exportOnnx } from 'gouache/onnx';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../dist/onnx/builder.js';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../dist/onnx/schema.gen.js';
import { fillByFormula } from '../golden/formula.js';

function decode(bytes: Uint8Array): { model: ModelProto; graph: GraphProto } {
  const model = fromBinary(ModelProtoSchema, bytes);
  if (model.graph === undefined) throw new Error('no graph');
  return { model, graph: model.graph };
}

const sizes = ({ type }: ValueInfoProto): number[] =>
  (type?.tensorType?.shape?.dim ?? []).map(({ value }) => Number(value.value));

const opTypes = (graph: GraphProto): string[] => graph.node.map(({ opType }) => opType);

function count(graph: GraphProto): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of opTypes(graph)) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function attributes({ attribute }: NodeProto): Record<string, unknown> {
  return Object.fromEntries(
    attribute.map(({ name, type, f, i, s, ints }) => {
      const values: Record<number, unknown> = {
        1: f,
        2: Number(i),
        3: new TextDecoder().decode(s),
        7: ints.map(Number),
      };
      return [name, values[type]];
    }),
  );
}

/** The bytes of an initializer, and its shape. */
function held(
  initializers: readonly TensorProto[],
  wanted: string | undefined,
): { dims: number[]; buffer: ArrayBuffer } {
  const found = initializers.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`no initializer ${wanted}`);
  return { dims: found.dims.map(Number), buffer: Uint8Array.from(found.rawData).buffer };
}

const float32s = (initializers: readonly TensorProto[], name: string | undefined): number[] => [
  ...new Float32Array(held(initializers, name).buffer),
];

const int64s = (graph: GraphProto, name: string | undefined): number[] =>
  [...new BigInt64Array(held(graph.initializer, name).buffer)].map(Number);

/** What every ONNX graph must hold: each name is given once, and before it is used. */
function expectWellFormed(graph: GraphProto): void {
  const known = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  expect(known.size).toBe(graph.input.length + graph.initializer.length);
  for (const { name, input, output } of graph.node) {
    expect(name).not.toBe('');
    for (const used of input) expect(known, `${name} uses ${used}`).toContain(used);
    for (const made of output) {
      expect(known, `${name} makes ${made} again`).not.toContain(made);
      known.add(made);
    }
  }
  for (const { name } of graph.output) expect(known).toContain(name);
  expect(new Set(graph.node.map(({ name }) => name)).size).toBe(graph.node.length);
}

const styleOps = { Conv: 14, ConvTranspose: 2, InstanceNormalization: 15, Relu: 10, Add: 5, Tanh: 1 };
const cycleganOps = {
  Conv: 22,
  ConvTranspose: 2,
  InstanceNormalization: 23,
  Relu: 14,
  Add: 9,
  Tanh: 1,
  Pad: 2,
};

describe.each([
  ['StyleTransferNetwork', new StyleTransferNetwork(), [1, 3, 40, 56], styleOps],
  ['CycleGANGenerator', new CycleGANGenerator(), [2, 3, 32, 48], cycleganOps],
] as const)('%s', (_, net, shape, ops) => {
  fillByFormula(net);
  const { model, graph } = decode(exportOnnx(net, shape));

  test('is a well-formed model of operator set 17', () => {
    expect(model.irVersion).toBe(8n);
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    expectWellFormed(graph);
    expect(graph.input.map((info) => [info.name, sizes(info)])).toEqual([['input', shape]]);
    expect(graph.output.map((info) => [info.name, sizes(info)])).toEqual([['output', shape]]);
  });

  test("has one node an op, as PyTorch's exporter writes them", () => {
    expect(count(graph)).toEqual(ops);
  });

  test('holds every weight, under its key, to the bit', () => {
    const state = net.stateDict();
    const weights = graph.initializer.filter(({ name }) => !name.startsWith('constant/'));
    expect(weights.map(({ name }) => name).sort()).toEqual([...state.keys()].sort());
    for (const { name, dims, dataType, rawData } of weights) {
      const parameter = state.get(name);
      expect(dims.map(Number), name).toEqual(parameter?.shape);
      expect(dataType, name).toBe(1);
      expect(Buffer.compare(rawData, parameter?.stored?.bytes ?? new Uint8Array()), name).toBe(0);
    }
  });
});

test("convolutions and borders carry PyTorch's numbers in ONNX's order", () => {
  const net = new nn.Sequential(
    new nn.Conv2d(2, 3, [3, 5], { stride: [2, 1], padding: [1, 2], dilation: [1, 2], bias: true }),
    new nn.Conv2d(3, 3, 3, { padding: 1, paddingMode: 'reflect' }),
    new nn.ConvTranspose2d(3, 4, 3, { stride: 2, padding: 1, outputPadding: 1, bias: false }),
    new nn.ReplicationPad2d([1, 2, 3, 4]),
    new nn.Conv2d(4, 8, 3, { groups: 4 }),
    new nn.ConvTranspose2d(8, 6, 3, { groups: 2, dilation: [1, 2], padding: 1, outputPadding: [0, 1] }),
  );
  fillByFormula(net);
  const { graph } = decode(exportOnnx(net, [1, 2, 16, 20]));
  expectWellFormed(graph);
  const [first, border, second, transposed, last, grouped, spread] = graph.node;
  if (!first || !border || !second || !transposed || !last || !grouped || !spread)
    throw new Error('seven nodes');
  expect(opTypes(graph)).toEqual(['Conv', 'Pad', 'Conv', 'ConvTranspose', 'Pad', 'Conv', 'ConvTranspose']);
  expect(first.input).toEqual(['input', '0.weight', '0.bias']);
  expect(attributes(first)).toEqual({
    kernel_shape: [3, 5],
    strides: [2, 1],
    dilations: [1, 2],
    pads: [1, 2, 1, 2],
    group: 1,
  });
  expect(attributes(border)).toEqual({ mode: 'reflect' });
  expect(attributes(second)).toMatchObject({ pads: [0, 0, 0, 0] });
  expect(attributes(transposed)).toMatchObject({
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
    strides: [2, 2],
  });
  expect(attributes(last)).toEqual({ mode: 'edge' });
  expect(attributes(grouped)).toMatchObject({ group: 4, dilations: [1, 1] });
  // Output padding that the stride does not allow is padding that is not cut off at the end.
  expect(attributes(spread)).toMatchObject({
    group: 2,
    dilations: [1, 2],
    output_padding: [0, 0],
    pads: [1, 1, 1, 0],
  });
  // PyTorch: left, right, top, bottom. ONNX: all beginnings, then all ends.
  expect(int64s(graph, last.input[1])).toEqual([0, 0, 3, 1, 0, 0, 4, 2]);
});

test('half-precision weights stay half, and are cast where they are used', () => {
  const { network } = loadModel(readFileSync(new URL('../../models/mosaic.safetensors', import.meta.url)));
  const { graph } = decode(exportOnnx(network, [1, 3, 64, 64]));
  expectWellFormed(graph);
  const weights = graph.initializer.filter(({ name }) => !name.startsWith('constant/'));
  expect(new Set(weights.map(({ dataType }) => dataType))).toEqual(new Set([10]));
  expect(count(graph)).toEqual({ ...styleOps, Cast: weights.length });
});

test('arithmetic, statistics and views', () => {
  const gamma = new nn.Parameter(Tensor.from([1, 2, 3, 4], [4]));
  const group = new nn.GroupNorm(2, 4);
  const batch = new nn.BatchNorm2d(4).eval();
  const layer = new nn.LayerNorm([5, 6]);
  const bytes = exportOnnx(
    (a: nn.Value, b: nn.Value) => {
      const scaled = gamma.view(1, 4, 1, 1).mul(a.sub(b)).div(2).add(1).sqrt();
      const deviation = nn.functional.rsub(scaled, 1).tanh().var([2, 3], { keepdim: true });
      return {
        norms: layer.forward(batch.forward(group.forward(a))),
        spread: deviation,
        inverse: nn.functional.rdiv(a.mean([1]), 2),
        same: a,
      };
    },
    [
      [2, 4, 5, 6],
      [2, 4, 5, 6],
    ],
  );
  const { graph } = decode(bytes);
  expectWellFormed(graph);
  expect(graph.input.map(({ name }) => name)).toEqual(['input_0', 'input_1']);
  expect(graph.output.map((info) => [info.name, sizes(info)])).toEqual([
    ['norms', [2, 4, 5, 6]],
    ['spread', [2, 4, 1, 1]],
    ['inverse', [2, 5, 6]],
    ['same', [2, 4, 5, 6]],
  ]);
  expect(new Set(opTypes(graph))).toEqual(
    new Set(
      'Add BatchNormalization Div Expand Identity InstanceNormalization LayerNormalization Mul ReduceMean Reshape Sqrt Sub Tanh'.split(
        ' ',
      ),
    ),
  );
});

describe('a value returned more than once is an output each time', () => {
  const edges = (graph: GraphProto) => graph.node.map(({ opType, input, output }) => [opType, input, output]);

  test.each<[string, (x: nn.Value) => nn.ModuleOutput, readonly [string, string, string]]>([
    [
      'in a list',
      (x) => {
        const y = x.relu();
        return [y, y.tanh(), y];
      },
      ['output_0', 'output_1', 'output_2'],
    ],
    [
      'in a record',
      (x) => {
        const y = x.relu();
        return { a: y, b: y.tanh(), c: y };
      },
      ['a', 'b', 'c'],
    ],
  ])('%s', (_, body, [first, second, third]) => {
    const { graph } = decode(exportOnnx(body, [1, 3, 4, 4]));
    expectWellFormed(graph);
    expect(graph.output.map(({ name }) => name)).toEqual([first, second, third]);
    expect(edges(graph)).toEqual([
      ['Relu', ['input'], [first]],
      ['Tanh', [first], [second]],
      ['Identity', [first], [third]],
    ]);
  });

  test('a half-precision parameter, which is a Cast', () => {
    const bytes = new Uint8Array(Uint16Array.of(0x3c00, 0x4000).buffer);
    const half = new nn.Parameter({ bytes, dtype: 'F16', shape: [2], strides: [1] });
    // Traces take a parameter for a value; the types do not say so.
    const y = half as unknown as nn.Value;
    const { graph } = decode(exportOnnx((x: nn.Value) => [y, x.add(half), y], [2]));
    expectWellFormed(graph);
    expect(edges(graph)).toEqual([
      ['Cast', [expect.any(String)], ['output_0']],
      ['Add', ['input', 'output_0'], ['output_1']],
      ['Identity', ['output_0'], ['output_2']],
    ]);
  });
});

describe('outputs are called by the keys of the record, whatever else is called so', () => {
  const relu = (x: nn.Value) => ({ input: x.relu(), other: x });
  const swapped = (a: nn.Value, b: nn.Value) => ({ input_1: a, input_0: b });
  const conv = new nn.Conv2d(3, 3, 1, { bias: false });
  fillByFormula(conv);
  class Weighing extends nn.Module {
    readonly conv = conv;
    override forward(x: nn.Value) {
      return { 'conv.weight': this.conv.forward(x), 'constant/float32 2': x.mul(2) };
    }
  }

  test.each<[string, Parameters<typeof exportOnnx>, readonly string[], readonly (readonly unknown[])[]]>([
    [
      'an input',
      [relu, [1, 3, 4, 4]],
      ['input_2'],
      [
        ['input', 'Relu', ['input_2']],
        ['other', 'Identity', ['input_2']],
      ],
    ],
    [
      'both inputs',
      [swapped, [[2], [2]]],
      ['input_0_2', 'input_1_2'],
      [
        ['input_1', 'Identity', ['input_0_2']],
        ['input_0', 'Identity', ['input_1_2']],
      ],
    ],
    [
      'a weight and a constant',
      [new Weighing(), [1, 3, 4, 4]],
      ['input'],
      [
        ['conv.weight', 'Conv', ['input', 'conv.weight_2']],
        ['constant/float32 2', 'Mul', ['input', 'constant/float32 2_2']],
      ],
    ],
  ])('%s', (_, args, inputs, outputs) => {
    const { graph } = decode(exportOnnx(...args));
    expectWellFormed(graph);
    expect(graph.input.map(({ name }) => name)).toEqual(inputs);
    const made = graph.output.map(({ name }) => {
      const maker = graph.node.find(({ output }) => output.includes(name));
      return [name, maker?.opType, maker?.input];
    });
    expect(made).toEqual(outputs);
  });

  test('an empty key is refused', () => {
    expect(() => exportOnnx((x: nn.Value) => ({ '': x.relu() }), [2])).toThrow(ArgumentError);
  });
});

test('a layer norm is one over the sizes that it has, and gets the scale that ONNX wants where it has none', () => {
  const layer = new nn.LayerNorm([1, 5], { elementwiseAffine: false });
  const { graph } = decode(exportOnnx(layer, [2, 3, 1, 5]));
  expectWellFormed(graph);
  const norm = graph.node.find(({ opType }) => opType === 'LayerNormalization');
  expect(norm && attributes(norm)).toMatchObject({ axis: -2 });
  expect(norm?.input).toHaveLength(2);
  const view = graph.node.find(({ output }) => output[0] === norm?.input[1]);
  expect(view?.opType).toBe('Reshape');
  expect(int64s(graph, view?.input[1])).toEqual([1, 5]);
  expect(graph.output.map(sizes)).toEqual([[2, 3, 1, 5]]);
});

test('0 and -0 are two constants', () => {
  const { graph } = decode(exportOnnx((x: nn.Value) => x.add(0).div(-0), [4]));
  expectWellFormed(graph);
  const numbers = graph.node.map(({ input }) => float32s(graph.initializer, input[1]));
  expect(numbers).toEqual([[0], [-0]]);
  const builder = new GraphBuilder();
  const repeated = [builder.repeated(0, 2), builder.repeated(-0, 2), builder.repeated(-0, 2)];
  expect(builder.initializers.map(({ name }) => name)).toEqual(repeated.slice(0, 2));
  expect(float32s(builder.initializers, repeated[2])).toEqual([-0, -0]);
});

describe('refuses', () => {
  const wanted = new StyleTransferNetwork();
  fillByFormula(wanted);
  test.each<[string, () => unknown, unknown]>([
    [
      'weights that were never loaded',
      () => exportOnnx(new StyleTransferNetwork(), [1, 3, 8, 8]),
      StateDictError,
    ],
    ['a shape that does not suit', () => exportOnnx(wanted, [1, 4, 8, 8]), ShapeError],
    ['no shape', () => exportOnnx(wanted, 8 as unknown as number[]), ArgumentError],
    [
      'statistics over a batch',
      () => exportOnnx(new nn.BatchNorm2d(3, { trackRunningStats: false }), [2, 3, 4, 4]),
      UnsupportedError,
    ],
    [
      'strided weights',
      () => {
        const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
        const view = new nn.Parameter({ bytes, dtype: 'F32', shape: [2, 2], strides: [1, 2] });
        return exportOnnx((x: nn.Value) => x.add(view), [2, 2]);
      },
      UnsupportedError,
    ],
  ])('%s', (_, body, error) => {
    expect(body).toThrow(error as new () => Error);
  });
});

test('the schema is that of onnx.proto', () => {
  const source = (name: string): Buffer =>
    readFileSync(new URL(`../../ts/src/onnx/${name}`, import.meta.url));
  const hash = createHash('sha256').update(source('onnx.proto')).digest('hex');
  expect(source('schema.gen.ts').toString().split('\n')[0]).toContain(hash);
});
