/** Packed weights: what parameters alone determine, as a small plan of its own that runs once: stored bytes -> dense float32 -> the graph's own nodes. */
import { conversionOf } from '../ops/convert.js';
import type { Kernels } from '../ops/kernels.js';
import { dense, type Layout, printLayout, raw } from '../ops/layout.js';
import { denseStrides, sameShape } from '../tensor/shape.js';
import { type StoredTensor, weightDtype } from '../tensor/stored.js';
import type { Constant } from './constants.js';
import { encodeSteps } from './encode_steps.js';
import { type AnyNode, type GraphValue, get, type Port, type ValueId, valueAt } from './graph.js';
import { type LaidOut, layoutAt } from './lay_out.js';
import type { Parameter } from './parameter.js';
import { place } from './place.js';
import type { EncodedPlan } from './plan.js';
import { attributesText } from './print.js';
import { addValue } from './rewrite.js';

/** Parameters in the form that kernels read; one copy serves every plan with the same key. */
export interface PackedWeight {
  /** What is computed, and of which parameters' which versions. */
  readonly key: string;
  readonly bytes: number;
  readonly parameters: readonly Parameter[];
  /** The plan that converts and packs, made once, and the stored bytes that are its inputs. Its relocations refer to weight 0, the destination. */
  encode(): { readonly prepare: EncodedPlan; readonly raw: readonly Uint8Array[] };
}

/** A parameter's values, and its name in messages. */
export interface WeightSource {
  readonly name: string;
  readonly parameter: Parameter;
  readonly version: number;
  readonly stored: StoredTensor;
}

function isDense(stored: StoredTensor): boolean {
  return stored.dtype === 'F32' && sameShape(stored.strides, denseStrides(stored.shape));
}

/** The graph of a constant, whose inputs are stored bytes. */
function graphOf(laidOut: LaidOut, constant: Constant, sources: readonly WeightSource[]) {
  const { graph } = laidOut;
  const values: GraphValue[] = [];
  const lies: Layout[] = [];
  const nodes: AnyNode<Kernels>[] = [];
  const renamed = new Map<ValueId, ValueId>();
  const add = (value: GraphValue, layout: Layout): ValueId => {
    lies.push(layout);
    return addValue(values, value);
  };
  const inputs = constant.parameters.map((id, index): Port => {
    const source = sources[index];
    if (source === undefined) throw new RangeError('a constant without its parameters');
    const { name, stored } = source;
    const { shape } = valueAt(graph, id);
    // A parameter that is the constant itself has to be written where that lies.
    const asItIs = isDense(stored) && id !== constant.value;
    const input = add({ shape, dtype: 'opaque' }, asItIs ? dense(shape) : raw(stored.bytes.byteLength));
    if (asItIs) renamed.set(id, input);
    else {
      const output = add({ shape, dtype: 'float32' }, dense(shape));
      const attributes = conversionOf(stored, weightDtype(stored.dtype, name));
      nodes.push({ op: 'convert', name, attributes, inputs: [input], outputs: [output] });
      renamed.set(id, output);
    }
    return { value: input, layout: 'dense' };
  });
  for (const node of constant.nodes) {
    const operands = node.inputs.map((id) => (id === null ? null : get(renamed, id)));
    const outputs = node.outputs.map((id) => {
      const output = add(valueAt(graph, id), layoutAt(laidOut, id));
      renamed.set(id, output);
      return output;
    });
    nodes.push({ ...node, inputs: operands, outputs });
  }
  const output = get(renamed, constant.value);
  return { laidOut: { graph: { values, inputs, nodes, outputs: [], state: [] }, layouts: lies }, output };
}

/** The plan that makes a constant, and its inputs. */
function prepare(
  laidOut: LaidOut,
  constant: Constant,
  sources: readonly WeightSource[],
): ReturnType<PackedWeight['encode']> {
  const made = graphOf(laidOut, constant, sources);
  const placement = place(made.laidOut, { workers: 1, constants: new Map([[made.output, 0]]) });
  return { prepare: encodeSteps(placement, [0]).plan, raw: sources.map(({ stored }) => stored.bytes) };
}

/** What is computed, as text: equal texts of equal parameters are the same bytes. */
function expressionText(laidOut: LaidOut, { value, nodes, parameters }: Constant): string {
  const numbers = new Map<ValueId, number>(parameters.map((id, index) => [id, index]));
  const lines = nodes.map((node) => {
    const operands = node.inputs.map((id) => (id === null ? '-' : get(numbers, id)));
    for (const id of node.outputs) numbers.set(id, numbers.size);
    const made = node.outputs.map(
      (id) => `${valueAt(laidOut.graph, id).shape.join('x')} ${printLayout(layoutAt(laidOut, id))}`,
    );
    return `${node.op}(${operands.join()})${attributesText(node)}:${made.join()}`;
  });
  return `${lines.join(';')}=${get(numbers, value)}`;
}

/** One packed weight, tied to the values that its parameters have now. */
export function packedWeight(
  laidOut: LaidOut,
  constant: Constant,
  bytes: number,
  sources: readonly WeightSource[],
): PackedWeight {
  const versions = sources.map(({ parameter: { uid }, version }) => `${uid}.${version}`).join();
  let encoded: ReturnType<PackedWeight['encode']> | undefined;
  return {
    key: `${expressionText(laidOut, constant)}|${versions}`,
    bytes,
    parameters: sources.map(({ parameter }) => parameter),
    encode: () => {
      encoded ??= prepare(laidOut, constant, sources);
      return encoded;
    },
  };
}
