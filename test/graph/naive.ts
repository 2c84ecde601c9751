/** What a graph of operators computes, by the definition of each: the oracle for whatever is made of it. */
import { get, type Node, type ValueId } from '../../dist/graph/graph.js';
import type { OperatorName, Operators } from '../../dist/graph/operators/index.js';
import type { Parameter } from '../../dist/graph/parameter.js';
import type { Traced } from '../../dist/graph/trace.js';
import { at, fill, map, type NdArray, type Shape, size } from '../ops/array.js';
import { reduce } from '../ops/reduce.js';
import { STEPS } from '../ops/steps.js';

type Graph = Traced['graph'];
type Operands = readonly (NdArray | null)[];

function operand(inputs: Operands, index: number): NdArray {
  const input = inputs[index];
  if (input == null) throw new Error(`no operand ${index}`);
  return input;
}

/** The element that a padded position shows, or null for the border's constant. */
function shown(position: number, length: number, mode: 'zeros' | 'reflect' | 'replicate'): number | null {
  if (position >= 0 && position < length) return position;
  if (mode === 'zeros') return null;
  const nearest = Math.min(length - 1, Math.max(0, position));
  return mode === 'replicate' ? nearest : 2 * nearest - position;
}

function pad(x: NdArray, { pads, mode, value }: Operators['pad']): NdArray {
  const sizes = x.shape.map((length, axis) => length + (pads[axis]?.[0] ?? 0) + (pads[axis]?.[1] ?? 0));
  return fill(sizes, (index) => {
    const from = index.map((i, axis) => shown(i - (pads[axis]?.[0] ?? 0), x.shape[axis] ?? 1, mode));
    return from.includes(null) ? value : at(x, from as number[]);
  });
}

/** N C H W of a picture that may be unbatched. */
const batched = (x: NdArray): NdArray => (x.shape.length === 4 ? x : { ...x, shape: [1, ...x.shape] });
const likeInput = (x: NdArray, y: NdArray): NdArray =>
  x.shape.length === 4 ? y : { ...y, shape: y.shape.slice(1) };

function conv(inputs: Operands, attributes: Operators['conv']): NdArray {
  const { stride, dilation, padding, paddingMode, groups } = attributes;
  const [top, bottom, left, right] = padding;
  const given = operand(inputs, 0);
  const pads = [
    [0, 0],
    [0, 0],
    [top, bottom],
    [left, right],
  ] as const;
  const x = pad(batched(given), { pads, mode: paddingMode, value: 0 });
  const w = operand(inputs, 1);
  const [o = 1, c = 1, kh = 1, kw = 1] = w.shape;
  const along = (axis: 0 | 1, k: number): number =>
    Math.floor(((x.shape[axis + 2] ?? 1) - dilation[axis] * (k - 1) - 1) / stride[axis]) + 1;
  const y = fill([x.shape[0] ?? 1, o, along(0, kh), along(1, kw)], ([n = 0, to = 0, i = 0, j = 0]) => {
    let sum = inputs[2] == null ? 0 : at(inputs[2], [to]);
    const first = Math.floor(to / (o / groups)) * c;
    for (let from = 0; from < c; from++)
      for (let k = 0; k < kh; k++)
        for (let l = 0; l < kw; l++)
          sum +=
            at(w, [to, from, k, l]) *
            at(x, [n, first + from, i * stride[0] + k * dilation[0], j * stride[1] + l * dilation[1]]);
    return sum;
  });
  return likeInput(given, y);
}

function convTranspose(inputs: Operands, attributes: Operators['conv_transpose']): NdArray {
  const { stride, padding, outputPadding, dilation, groups } = attributes;
  const given = operand(inputs, 0);
  const [x, w] = [batched(given), operand(inputs, 1)];
  const [c = 1, o = 1, kh = 1, kw = 1] = w.shape;
  const [n = 1, , height = 1, width = 1] = x.shape;
  const along = (length: number, k: number, axis: 0 | 1): number =>
    (length - 1) * stride[axis] - 2 * padding[axis] + (k - 1) * dilation[axis] + 1 + outputPadding[axis];
  const y = fill(
    [n, o * groups, along(height, kh, 0), along(width, kw, 1)],
    ([sample = 0, to = 0, i = 0, j = 0]) => {
      let sum = inputs[2] == null ? 0 : at(inputs[2], [to]);
      const first = Math.floor(to / o) * (c / groups);
      for (let k = 0; k < kh; k++)
        for (let l = 0; l < kw; l++) {
          const row = (i + padding[0] - k * dilation[0]) / stride[0];
          const column = (j + padding[1] - l * dilation[1]) / stride[1];
          if (!Number.isInteger(row) || row < 0 || row >= height) continue;
          if (!Number.isInteger(column) || column < 0 || column >= width) continue;
          for (let from = first; from < first + c / groups; from++)
            sum += at(w, [from, to % o, k, l]) * at(x, [sample, from, row, column]);
        }
      return sum;
    },
  );
  return likeInput(given, y);
}

/** (x - mean) / sqrt(var + eps) over the elements that `key` puts together. */
function standardized(x: NdArray, eps: number, key: (index: readonly number[]) => string): NdArray {
  const groups = new Map<string, number[]>();
  fill(x.shape, (index) => {
    const group = groups.get(key(index)) ?? [];
    groups.set(key(index), group);
    return group.push(at(x, index));
  });
  const statistics = new Map(
    [...groups].map(([name, values]) => {
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
      return [name, [mean, values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length]] as const;
    }),
  );
  return fill(x.shape, (index) => {
    const [mean, variance] = get(statistics, key(index));
    return (at(x, index) - (mean ?? 0)) / Math.sqrt((variance ?? 0) + eps);
  });
}

/** Scaled and shifted, a channel each: axis 1. */
function affine(x: NdArray, weight: NdArray | null | undefined, bias: NdArray | null | undefined): NdArray {
  return fill(
    x.shape,
    (index) =>
      at(x, index) * (weight == null ? 1 : at(weight, [index[1] ?? 0])) +
      (bias == null ? 0 : at(bias, [index[1] ?? 0])),
  );
}

type Naive<K extends OperatorName> = (attributes: Operators[K], inputs: Operands, output: Shape) => NdArray;

const naive: { readonly [K in OperatorName]: Naive<K> } = {
  batch_norm({ eps, training }, inputs) {
    const [x, mean, variance] = [operand(inputs, 0), inputs[3], inputs[4]];
    if (training)
      return affine(
        standardized(x, eps, ([, c]) => String(c)),
        inputs[1],
        inputs[2],
      );
    const normalized = fill(x.shape, (index) => {
      const channel = [index[1] ?? 0];
      const [m, v] = [mean == null ? 0 : at(mean, channel), variance == null ? 1 : at(variance, channel)];
      return (at(x, index) - m) / Math.sqrt(v + eps);
    });
    return affine(normalized, inputs[1], inputs[2]);
  },
  binary: ({ kind }, inputs, output) => {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    return fill(output, (index) => STEPS[kind].exact(at(a, index), at(b, index), 0));
  },
  concat({ axis }, inputs, output) {
    return fill(output, (index) => {
      let position = index[axis] ?? 0;
      for (const one of inputs) {
        const length = one?.shape[axis] ?? 0;
        if (one != null && position < length)
          return at(
            one,
            index.map((i, other) => (other === axis ? position : i)),
          );
        position -= length;
      }
      return Number.NaN;
    });
  },
  conv: (attributes, inputs) => conv(inputs, attributes),
  conv_transpose: (attributes, inputs) => convTranspose(inputs, attributes),
  group_norm({ groups, eps }, inputs) {
    const x = operand(inputs, 0);
    const width = (x.shape[1] ?? 1) / groups;
    const normalized = standardized(x, eps, ([n, c = 0]) => `${n} ${Math.floor(c / width)}`);
    return affine(normalized, inputs[1], inputs[2]);
  },
  instance_norm({ eps }, inputs) {
    return affine(
      standardized(operand(inputs, 0), eps, ([n, c]) => `${n} ${c}`),
      inputs[1],
      inputs[2],
    );
  },
  layer_norm({ normalizedShape, eps }, inputs) {
    const x = operand(inputs, 0);
    const lead = x.shape.length - normalizedShape.length;
    const normalized = standardized(x, eps, (index) => index.slice(0, lead).join());
    const of = (one: NdArray | null | undefined, index: readonly number[], otherwise: number): number =>
      one == null ? otherwise : at(one, index.slice(lead));
    return fill(
      x.shape,
      (index) => at(normalized, index) * of(inputs[1], index, 1) + of(inputs[2], index, 0),
    );
  },
  matmul(_attributes, inputs, output) {
    const [left, right] = [operand(inputs, 0), operand(inputs, 1)];
    const a = left.shape.length === 1 ? { ...left, shape: [1, ...left.shape] } : left;
    const b = right.shape.length === 1 ? { ...right, shape: [...right.shape, 1] } : right;
    const k = a.shape.at(-1) ?? 1;
    return fill(output, (index) => {
      const full = [...index];
      if (right.shape.length === 1) full.push(0);
      if (left.shape.length === 1) full.splice(-1, 0, 0);
      const lead = full.slice(0, -2);
      let sum = 0;
      for (let i = 0; i < k; i++)
        sum += at(a, [...lead, full.at(-2) ?? 0, i]) * at(b, [...lead, i, full.at(-1) ?? 0]);
      return sum;
    });
  },
  pad: (attributes, inputs) => pad(operand(inputs, 0), attributes),
  permute: ({ order }, inputs, output) =>
    fill(output, (index) => {
      const from = [...index];
      order.forEach((axis, to) => {
        from[axis] = index[to] ?? 0;
      });
      return at(operand(inputs, 0), from);
    }),
  pixels_in() {
    throw new Error('pixels have a naive version of their own');
  },
  pixels_out() {
    throw new Error('pixels have a naive version of their own');
  },
  reduce: ({ kind, axes, unbiased }, inputs, output) => ({
    ...reduce(operand(inputs, 0), axes, kind === 'mean' ? null : unbiased ? 1 : 0),
    shape: output,
  }),
  slice: ({ starts, steps }, inputs, output) =>
    fill(output, (index) =>
      at(
        operand(inputs, 0),
        index.map((i, axis) => (starts[axis] ?? 0) + i * (steps[axis] ?? 1)),
      ),
    ),
  unary: ({ kind, numbers: [first = 0, second = 0] }, inputs) =>
    map(operand(inputs, 0), (x) => STEPS[kind].exact(x, Math.fround(first), Math.fround(second))),
  view: ({ shape }, inputs) => ({ ...operand(inputs, 0), shape }),
  where({ numbers }, inputs, output) {
    const [condition, ...either] = inputs;
    return fill(output, (index) => {
      const chosen = condition != null && at(condition, index) === 0 ? 1 : 0;
      const values = either[chosen];
      return values == null ? Math.fround(numbers[chosen]) : at(values, index);
    });
  },
};

function computed<K extends OperatorName>(
  node: Node<Operators, K>,
  inputs: Operands,
  output: Shape,
): NdArray {
  const y = (naive[node.op] as Naive<K>)(node.attributes, inputs, output);
  if (y.shape.join() !== output.join() || y.data.length !== size(output))
    throw new Error(`${node.op} makes [${y.shape}], and infer says [${output}]`);
  return y;
}

/** The numbers of a parameter that was made of a tensor. */
export function numbersOf({ shape, stored }: Parameter): NdArray {
  const bytes = stored?.bytes.slice() ?? new Uint8Array();
  return { shape, data: Float64Array.from(new Float32Array(bytes.buffer)) };
}

/** The graph's outputs for these inputs. @param numbersFor the numbers of a parameter */
export function interpret(
  graph: Graph,
  inputs: readonly NdArray[],
  numbersFor: (parameter: Parameter) => NdArray,
): NdArray[] {
  const values = new Map<ValueId, NdArray>();
  graph.values.forEach(({ parameter }, id) => {
    if (parameter !== undefined) values.set(id, numbersFor(parameter));
  });
  graph.inputs.forEach(({ value }, index) => {
    values.set(value, operand(inputs, index));
  });
  for (const node of graph.nodes) {
    const [output = -1] = node.outputs;
    const operands = node.inputs.map((id) => (id === null ? null : get(values, id)));
    values.set(
      output,
      computed(node as Node<Operators, OperatorName>, operands, graph.values[output]?.shape ?? []),
    );
  }
  return graph.outputs.map(({ value }) => get(values, value));
}
