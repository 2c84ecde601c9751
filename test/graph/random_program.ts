/** Programs that look random: arithmetic of values and parameters of any rank, with weights that are calculated. */
import * as nn from '../../dist/nn/index.js';
import { random, randomTensor, type Shape, size } from '../ops/array.js';

const F = nn.functional;
type Next = () => number;

const below = (next: Next, end: number): number => Math.floor(next() * end);
function pick<T>(next: Next, list: readonly T[]): T {
  const one = list[below(next, list.length)];
  if (one === undefined) throw new Error('nothing to pick of');
  return one;
}

const SIZES = [1, 1, 2, 3, 4, 5, 8];
export const randomShape = (next: Next, rank: number): Shape =>
  Array.from({ length: rank }, () => pick(next, SIZES));

/** A shape that broadcasts with `shape`: sizes of 1, or leading axes that are missing. */
function broadcastable(next: Next, shape: Shape): Shape {
  const kept = shape.slice(below(next, shape.length + 1));
  return kept.map((one) => (next() < 0.4 ? 1 : one));
}

/** The same elements under another shape. */
function otherShape(next: Next, shape: Shape): Shape {
  const factors = shape.flatMap((one) => (one === 8 ? [2, 4] : one === 4 ? [2, 2] : [one]));
  const sizes: number[] = [];
  for (const factor of factors) {
    const last = sizes.length - 1;
    if (last >= 0 && next() < 0.5) sizes[last] = (sizes[last] ?? 1) * factor;
    else sizes.push(factor);
  }
  return sizes.filter((one) => one !== 1 || next() < 0.5);
}

export interface Program {
  readonly inputs: readonly Shape[];
  readonly target: (...inputs: nn.Value[]) => nn.Value[];
}

/** Says what the step is, where it can be made of these values. */
type Step = (
  next: Next,
  values: readonly nn.Value[],
  parameterOf: (shape: Shape) => nn.Parameter,
) => nn.Value | null;

/** A weight of that shape: a parameter, one viewed, scaled by channels as of a weight norm, or a value that depends on the input. */
function weightOf(
  next: Next,
  shape: Shape,
  values: readonly nn.Value[],
  parameterOf: (shape: Shape) => nn.Parameter,
): nn.Expression {
  const kind = below(next, 5);
  const elems = size(shape);
  if (kind === 0) return parameterOf([elems]).view([...shape]);
  if (kind === 1) return parameterOf(shape).mul(parameterOf([shape[0] ?? 1]).view(-1, 1, 1, 1));
  if (kind === 2) {
    const v = parameterOf(shape);
    return v.div(v.mul(v).mean([1, 2, 3], { keepdim: true }).add(0.5).sqrt());
  }
  if (kind === 3) {
    const fits = values.find((value) => size(value.shape) === elems);
    return fits?.view([...shape]) ?? parameterOf(shape).mul(pick(next, values).tanh().mean());
  }
  return parameterOf(shape);
}

const STEPS: readonly Step[] = [
  (next, values) => pick(next, values).tanh(),
  (next, values) => pick(next, values).relu(),
  (next, values) => pick(next, values).add(next() - 0.5),
  (next, values) => F.rsub(pick(next, values), next()),
  (next, values) => {
    const x = pick(next, values);
    return x.mul(x);
  },
  (next, values) => {
    const x = pick(next, values);
    const fits = values.filter(({ shape }) => shape.join() === x.shape.join());
    return x.add(pick(next, fits));
  },
  (next, values, parameterOf) => {
    const x = pick(next, values);
    return x[pick(next, ['add', 'sub', 'mul'] as const)](parameterOf(broadcastable(next, x.shape)));
  },
  (next, values, parameterOf) => {
    const x = pick(next, values);
    const shape = broadcastable(next, x.shape);
    return parameterOf(shape)
      .mul(parameterOf(broadcastable(next, shape)))
      .sub(x);
  },
  (next, values, parameterOf) => {
    const p = parameterOf(randomShape(next, below(next, 5)));
    return pick(next, values).mul(p.tanh().mean()).div(p.mul(p).mean().add(1));
  },
  (next, values) => {
    const x = pick(next, values);
    return x.view([...otherShape(next, x.shape)]);
  },
  (next, values) => {
    const x = pick(next, values);
    const axes = x.shape.flatMap((_, axis) => (next() < 0.5 ? [axis] : []));
    return x.mean(axes, { keepdim: next() < 0.5 });
  },
  (next, values) => {
    const x = pick(next, values);
    // Kept apart from what views share.
    const own = x.add(0);
    const same = F.relu(own, { inplace: true });
    return same.mul(own);
  },
  (next, values) => {
    const x = pick(next, values);
    const order = x.shape.map((_, axis) => axis);
    return x.permute(...order.sort(() => next() - 0.5));
  },
  (next, values) => {
    const x = pick(next, values);
    if (x.shape.length === 0) return null;
    const axis = below(next, x.shape.length);
    const start = below(next, x.shape[axis] ?? 1);
    return x.slice(axis, start, undefined, 1 + below(next, 2));
  },
  (next, values, parameterOf) => {
    const x = pick(next, values);
    if (x.shape.length === 0) return null;
    const axis = next() < 0.5 && x.shape.length > 1 ? 1 : below(next, x.shape.length);
    const other = x.shape.map((size, at) => (at === axis ? pick(next, SIZES) : size));
    const list = [x.tanh(), parameterOf(other).add(0.5), ...(next() < 0.3 ? [x] : [])];
    return F.cat(next() < 0.5 ? list : list.reverse(), axis);
  },
  (next, values, parameterOf) => {
    const x = pick(next, values);
    const k = x.shape.at(-1);
    if (k === undefined) return null;
    const batch = broadcastable(next, x.shape.slice(0, -2));
    const right = pick(next, [[k], [k, pick(next, SIZES)], [...batch, k, pick(next, SIZES)]]);
    const kind = below(next, 3);
    const fits = values.filter(({ shape }) => size(shape) === size(right));
    const b =
      kind === 0 && fits.length > 0
        ? pick(next, fits).view([...right])
        : kind === 1
          ? parameterOf([...right].reverse()).permute(...right.map((_, at) => right.length - 1 - at))
          : parameterOf(right);
    return x.matmul(b).mul(0.5);
  },
  (next, values, parameterOf) => {
    const pictures = values.filter(({ shape }) => shape.length === 3 || shape.length === 4);
    if (pictures.length === 0) return null;
    const x = pick(next, pictures);
    const [o, c, h, w] = [
      pick(next, [1, 3, 4, 9]),
      x.shape.at(-3) ?? 1,
      x.shape.at(-2) ?? 1,
      x.shape.at(-1) ?? 1,
    ];
    const groups = pick(
      next,
      [1, 1, 2, 4, o].filter((one) => o % one === 0 && c % one === 0),
    );
    const shape = [o, c / groups, Math.min(h, pick(next, [1, 2, 3])), Math.min(w, pick(next, [1, 3]))];
    const bias = next() < 0.5 ? null : parameterOf([o]).mul(parameterOf([]));
    return F.conv2d(x, weightOf(next, shape, values, parameterOf), {
      bias,
      groups,
      padding: below(next, 2),
    }).tanh();
  },
  (next, values, parameterOf) => {
    const pictures = values.filter(({ shape }) => shape.length === 3 || shape.length === 4);
    if (pictures.length === 0) return null;
    const x = pick(next, pictures);
    const c = x.shape.at(-3) ?? 1;
    const groups = pick(next, [1, c]);
    const shape = [c, pick(next, [1, 4, 5]), pick(next, [1, 3]), pick(next, [2, 3])];
    return F.convTranspose2d(x, weightOf(next, shape, values, parameterOf), {
      stride: pick(next, [1, 2]),
      dilation: pick(next, [1, 2]),
      groups,
    }).tanh();
  },
];

/** The program of a seed. It makes the same nodes whenever it is traced. */
export function randomProgram(seed: number): Program {
  const next = random(seed);
  // Pictures are what concatenations may alias.
  const inputs = Array.from({ length: 1 + below(next, 2) }, () =>
    next() < 0.3 ? [1, pick(next, [3, 4, 8]), ...randomShape(next, 2)] : randomShape(next, below(next, 7)),
  );
  const steps = 3 + below(next, 6);
  const parameters: nn.Parameter[] = [];
  const target = (...given: nn.Value[]): nn.Value[] => {
    const again = random(seed + 0.5 * 2 ** 20);
    const values = [...given];
    let used = 0;
    const parameterOf = (shape: Shape): nn.Parameter => {
      const known = parameters[used++];
      if (known !== undefined) return known;
      const made = new nn.Parameter(randomTensor(random(seed * 1000 + used), shape));
      parameters.push(made);
      return made;
    };
    for (let step = 0; step < steps; step++) {
      const made = pick(again, STEPS)(again, values, parameterOf);
      if (made !== null) values.push(made);
    }
    // Also inputs, and what others are made of.
    const outputs = values.filter((_, index) => index === values.length - 1 || again() < 0.3);
    return again() < 0.2 ? [...outputs, parameterOf([3, 2]) as unknown as nn.Value] : outputs;
  };
  return { inputs, target };
}
