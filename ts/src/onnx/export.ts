/** exportOnnx: a network at one size becomes an ONNX model. The graph is the traced one, before gouache's own fusion: runtimes fuse in their own way. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ArgumentError } from '../errors.js';
import { type Graph, get, type Node, type ValueId, valueAt } from '../graph/graph.js';
import type { Operators } from '../graph/operators/index.js';
import type { OutputStructure } from '../graph/trace.js';
import { type Traceable, traceModule } from '../nn/trace.js';
import { shown } from '../spell.js';
import type { Shape } from '../tensor/shape.js';
import { GraphBuilder, type OnnxName } from './builder.js';
import { ELEMENT } from './codes.js';
import { OPERATOR_SET, toOnnx } from './ops/index.js';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './schema.gen.js';
import { Weights } from './weights.js';

/** The version of the file format that came with operator set 17. */
const IR_VERSION = 8n;

/** Protobuf messages end at 2 GiB; beyond it ONNX keeps weights in files beside the model. */
const MOST_BYTES = 2 ** 31 - 1;

function valueInfo(name: OnnxName, shape: Shape): ValueInfoProto {
  const dim = shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }),
  );
  const tensorType = create(TypeProto_TensorSchema, {
    elemType: ELEMENT.FLOAT,
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { tensorType }) });
}

/** `input`, or `input_0`, `input_1`, ... */
function numbered(stem: string, count: number): string[] {
  return count === 1 ? [stem] : Array.from({ length: count }, (_, index) => `${stem}_${index}`);
}

/** @throws {@link ArgumentError} for an empty key, which in ONNX means that there is no value */
function outputNames(structure: OutputStructure, count: number): readonly string[] {
  if (structure.kind !== 'record') return numbered('output', count);
  if (!structure.keys.includes('')) return structure.keys;
  throw new ArgumentError('an output without a name', {
    op: 'exportOnnx',
    got: `the keys ${shown(structure.keys)}`,
    wanted: 'keys of one letter or more in the record that forward returns',
  });
}

function build(graph: Graph<Operators>, structure: OutputStructure) {
  const builder = new GraphBuilder();
  const weights = new Weights(builder);
  const shape = (id: ValueId): Shape => valueAt(graph, id).shape;
  // Outputs first: a record's keys are the user's, and every other name makes way for them.
  const outputs = outputNames(structure, graph.outputs.length).map((name) => builder.name(name));
  const inputs = numbered('input', graph.inputs.length).map((name) => builder.name(name));
  const names = new Map<ValueId, OnnxName>(
    graph.inputs.map(({ value }, index) => [value, inputs[index] ?? '']),
  );
  const name = (id: ValueId): OnnxName => {
    const { parameter, name: key = 'parameter' } = valueAt(graph, id);
    return parameter === undefined ? get(names, id) : weights.float32(parameter, key);
  };
  for (const node of graph.nodes) {
    const [output = -1] = node.outputs;
    names.set(output, toOnnx({ builder, name, shape }, node as Node<Operators>));
  }
  graph.outputs.forEach(({ value }, index) => {
    builder.output(name(value), outputs[index] ?? '');
  });
  return create(GraphProtoSchema, {
    name: 'gouache',
    node: builder.nodes,
    initializer: builder.initializers,
    input: graph.inputs.map(({ value }, index) => valueInfo(inputs[index] ?? '', shape(value))),
    output: graph.outputs.map(({ value }, index) => valueInfo(outputs[index] ?? '', shape(value))),
  });
}

/**
 * Writes a network (or a function of values) as an ONNX model of operator set 17, for inputs of one size.
 *
 * Weights are initializers under their state-dict keys, in the precision that they are stored in; the arithmetic is float32. The inputs are
 * called `input` (`input_0`, `input_1`, ... of several), the outputs `output` (`output_0`, ...) or by the keys of the record that `forward` returns.
 * An output keeps its key always: an input or a weight of the same name gets a number behind it (`input_2`).
 *
 * @param net with its weights loaded
 * @param shape of the input, such as [1, 3, 256, 256], or a list of shapes for several inputs
 * @returns the bytes of an .onnx file
 * @throws {@link ShapeError} when the inputs do not suit a layer
 * @throws {@link StateDictError} when a parameter has no values
 * @throws {@link UnsupportedError} for what has no op in ONNX: statistics over a batch, and weights that are strided views
 * @throws {@link ArgumentError} when `shape` is no shape, or the model would pass protobuf's 2 GiB
 */
export function exportOnnx(net: Traceable, shape: Shape | readonly Shape[]): Uint8Array<ArrayBuffer> {
  const op = 'exportOnnx';
  if (!Array.isArray(shape)) {
    throw new ArgumentError('not a shape', { op, got: shown(shape), wanted: 'a shape, or a list of shapes' });
  }
  const shapes = (shape.some((item) => Array.isArray(item)) ? shape : [shape]) as readonly Shape[];
  const { graph, structure } = traceModule(
    net,
    shapes.map((one) => ({ shape: one })),
  );
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'gouache',
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(OPERATOR_SET) })],
    graph: build(graph, structure),
  });
  const weightBytes = model.graph?.initializer.reduce((sum, { rawData }) => sum + rawData.byteLength, 0) ?? 0;
  if (weightBytes > MOST_BYTES) {
    throw new ArgumentError('a model beyond 2 GiB', { op, got: `${weightBytes} bytes of weights` });
  }
  return toBinary(ModelProtoSchema, model);
}
