/** The networks at their sizes, and the files that engines read them from: weights for gouache, ONNX models for others, both made here. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compileGraph } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import type { Operators } from '../graph/operators/index.js';
import { Tensor } from '../index.js';
import { networks } from '../networks/index.js';
import { functional, type Module } from '../nn/index.js';
import { traceModule } from '../nn/trace.js';
import { exportOnnx } from '../onnx/index.js';
import { numel } from '../tensor/shape.js';
import { formulaState } from './formula.js';
import { type WinogradWork, winogradWork } from './layers.js';
import type { EngineName } from './protocol.js';

const NETWORKS: Readonly<Record<string, string>> = {
  style: 'StyleTransferNetwork',
  cyclegan: 'CycleGANGenerator',
};

/** One network at one size. */
export interface Case {
  /** Such as `style-256`. */
  readonly name: string;
  readonly network: string;
  readonly size: number;
  readonly shape: readonly number[];
  /** Multiplications and additions of its convolutions, computed directly. */
  readonly flops: number;
  /** What gouache's algorithms multiply instead, by layer, at precision 'high'. */
  readonly winograd: Readonly<Record<string, WinogradWork>>;
  /** The model file of an engine. */
  readonly model: Readonly<Record<EngineName, string>>;
}

/** A network with its default arguments, and the formula's weights. */
function createNetwork(name: string): Module {
  const entry = networks.get(name);
  if (entry === undefined) throw new Error(`no network ${name}`);
  const defaults = Object.entries(entry.arguments).map(([key, bounds]) => [key, bounds.default] as const);
  const { network } = entry.create(Object.fromEntries(defaults));
  const shapes = new Map([...network.stateDict()].map(([key, { shape }]) => [key, shape]));
  const values = [...formulaState(shapes)];
  network.loadStateDict(
    Object.fromEntries(values.map(([key, data]) => [key, Tensor.from(data, shapes.get(key) ?? [])])),
  );
  return network;
}

/** A state dict as a safetensors file. */
function safetensors(network: Module): Uint8Array {
  const header: Record<string, object> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [key, { stored, shape }] of network.stateDict()) {
    if (stored === null) throw new Error(`${key} has no values`);
    const { bytes } = stored;
    header[key] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([length, text, ...parts]);
}

/** Two for every weight that meets a pixel. */
function convolutionFlops(graph: Graph<Operators>): number {
  const shape = (id: number | null | undefined): readonly number[] => graph.values[id ?? -1]?.shape ?? [];
  return graph.nodes.reduce((sum, { op, inputs, outputs }) => {
    const kernel = shape(inputs[1]);
    const [first = 1] = kernel;
    // conv: [O I KH KW], each output element meets I KH KW; transposed: [I O KH KW], each input element meets O KH KW.
    if (op === 'conv') return sum + (2 * numel(shape(outputs[0])) * numel(kernel)) / first;
    return op === 'conv_transpose' ? sum + (2 * numel(shape(inputs[0])) * numel(kernel)) / first : sum;
  }, 0);
}

export interface Weights {
  readonly network: Module;
  /** The network's name, as in model files. */
  readonly kind: string;
  readonly file: string;
}

/** Writes the formula's weights of a network, such as `style`, into `folder`. */
export function writeWeights(name: string, folder: string): Weights {
  mkdirSync(folder, { recursive: true });
  const kind = NETWORKS[name] ?? name;
  const network = createNetwork(kind);
  const file = path.join(folder, `${name}.safetensors`);
  writeFileSync(file, safetensors(network));
  return { network, kind, file };
}

/** Writes the files of all cases into `folder`. */
export function makeCases(
  names: readonly string[],
  sizes: readonly number[],
  folder: string,
  tflite: string,
): Case[] {
  mkdirSync(folder, { recursive: true });
  // Compiling it costs what compiling the runtime costs, and nothing more.
  writeFileSync(
    path.join(folder, 'identity.onnx'),
    exportOnnx((x) => functional.relu(x), [1]),
  );
  return names.flatMap((name) => {
    const { network, kind, file } = writeWeights(name, folder);
    return sizes.map((size) => {
      const shape = [1, 3, size, size];
      const onnx = path.join(folder, `${name}-${size}.onnx`);
      writeFileSync(onnx, exportOnnx(network, shape));
      const { graph } = traceModule(network, [{ shape }]);
      return {
        name: `${name}-${size}`,
        network: kind,
        size,
        shape,
        flops: convolutionFlops(graph),
        winograd: winogradWork(compileGraph(graph).stages.chosen.graph),
        model: {
          gouache: file,
          'onnxruntime-web': onnx,
          'onnxruntime-node': onnx,
          litert: path.join(tflite, `${name}-${size}.tflite`),
        },
      };
    });
  });
}
