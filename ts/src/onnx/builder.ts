/** Collects the nodes and initializers of one ONNX graph, and keeps their names apart. It knows the format, and no op of gouache's. */
import { create } from '@bufbuild/protobuf';
import { ATTRIBUTE, ELEMENT, type ElementCode } from './codes.js';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './schema.gen.js';

/** A value's name in the ONNX graph. */
export type OnnxName = string;

/** A node's attributes; a plain number is an ONNX int, `float()` makes one of the other kind. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | FloatAttribute>>;

interface FloatAttribute {
  readonly float: number;
}

/** A number that ONNX calls a float. */
export function float(value: number): FloatAttribute {
  return { float: value };
}

function attribute(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE.INT, i: BigInt(value) });
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE.STRING, s: new TextEncoder().encode(value) });
  }
  if ('float' in value)
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE.FLOAT, f: Math.fround(value.float) });
  return create(AttributeProtoSchema, { name, type: ATTRIBUTE.INTS, ints: value.map(BigInt) });
}

/** A tensor of raw little-endian bytes. */
export interface RawTensor {
  readonly element: ElementCode;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function littleEndian(count: number, size: 4 | 8, write: (view: DataView, at: number) => void): Uint8Array {
  const bytes = new Uint8Array(count * size);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) write(view, index);
  return bytes;
}

/** A number as a key: `String` would spell -0 as 0, and x / -0 is not x / 0. */
const spelled = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #taken = new Set<string>();
  /** Names that nodes gave their outputs, and what the graph's outputs have made of them. */
  readonly #outputs = new Map<OnnxName, OnnxName>();
  readonly #constants = new Map<string, OnnxName>();

  /** `wanted`, or with a number behind it where that name is taken. */
  name(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name); count++) name = `${wanted}_${count}`;
    this.#taken.add(name);
    return name;
  }

  /**
   * Appends a node of one output.
   * @param at what it belongs to: the layer's path, in front of its name
   * @param output its output's name, by default the node's own
   */
  node(
    opType: string,
    at: string,
    inputs: readonly OnnxName[],
    attributes: Attributes = {},
    output?: OnnxName,
  ): OnnxName {
    const name = this.name(`${at}/${opType}`);
    const result = output ?? this.name(`${name}_output`);
    this.nodes.push(
      create(NodeProtoSchema, {
        opType,
        name,
        input: [...inputs],
        output: [result],
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      }),
    );
    return result;
  }

  /**
   * Makes `value` the graph's output `name`: its node's output is called so, or an Identity's where it is an input, a weight or an output already.
   * @param value by the name that it was made with, also where it has been made an output before
   */
  output(value: OnnxName, name: OnnxName): void {
    const renamed = this.#outputs.get(value);
    const maker = this.nodes.find((node) => node.output[0] === value);
    if (renamed !== undefined || maker === undefined) {
      this.node('Identity', name, [renamed ?? value], {}, name);
      return;
    }
    for (const { input } of this.nodes)
      input.forEach((one, index) => {
        if (one === value) input[index] = name;
      });
    maker.output = [name];
    this.#outputs.set(value, name);
  }

  /** Appends an initializer. */
  tensor(wanted: string, { element, shape, bytes }: RawTensor): OnnxName {
    const name = this.name(wanted);
    const dims = shape.map(BigInt);
    this.initializers.push(create(TensorProtoSchema, { name, dims, dataType: element, rawData: bytes }));
    return name;
  }

  /** int64 numbers, each list once. */
  int64(values: readonly number[]): OnnxName {
    return this.#once(`int64[${values.join(',')}]`, (name) =>
      this.tensor(name, {
        element: ELEMENT.INT64,
        shape: [values.length],
        bytes: littleEndian(values.length, 8, (view, at) =>
          view.setBigInt64(at * 8, BigInt(values[at] ?? 0), true),
        ),
      }),
    );
  }

  /** A float32 scalar, each once; 0 and -0 are two. */
  scalar(value: number): OnnxName {
    return this.#once(`float32 ${spelled(value)}`, (name) =>
      this.tensor(name, {
        element: ELEMENT.FLOAT,
        shape: [],
        bytes: littleEndian(1, 4, (view) => view.setFloat32(0, value, true)),
      }),
    );
  }

  /** `count` times the same float32, each once. */
  repeated(value: number, count: number): OnnxName {
    return this.#once(`float32 ${spelled(value)} x ${count}`, (name) =>
      this.tensor(name, {
        element: ELEMENT.FLOAT,
        shape: [count],
        bytes: littleEndian(count, 4, (view, at) => view.setFloat32(at * 4, value, true)),
      }),
    );
  }

  #once(key: string, make: (name: string) => OnnxName): OnnxName {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = make(`constant/${key}`);
    this.#constants.set(key, made);
    return made;
  }
}
