/** chains: moves, concatenations and products between convolutions, as whole networks have them. */
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { CONVOLUTION } from '../tolerances.js';
import { arrayOf, map, type NdArray, random, randomTensor, type Shape } from './array.js';
import type { Cases } from './case.js';
import { concat } from './concat.js';
import { convTranspose2d } from './conv_transpose2d.js';
import { conv2d } from './conv2d.js';
import { matmul } from './matmul.js';
import { permute } from './permute.js';
import { slice } from './slice.js';

/** What a chain is written in: by the engine, by the naive versions, or by those on absolute numbers. */
interface Calculus<T> {
  /** A 3x3 convolution to `channels`, with a bias. */
  conv(x: T, channels: number, stride?: number): T;
  /** A transposed one, of stride 2, to twice the size. */
  up(x: T, channels: number): T;
  /** By a matrix of `columns`. */
  mixed(x: T, columns: number): T;
  matmul(a: T, b: T): T;
  relu(x: T): T;
  cat(list: readonly T[], axis: number): T;
  permute(x: T, order: readonly number[]): T;
  slice(x: T, axis: number, start: number, end: number): T;
  view(x: T, shape: Shape): T;
  shapeOf(x: T): Shape;
}

type Chain = <T>(x: T, by: Calculus<T>) => T;

/** Weights in the order in which a chain asks for them: the same for each calculus. */
type Weights = (shape: Shape) => ReturnType<typeof randomTensor>;

function weightsOf(seed: number): Weights {
  const next = random(seed);
  return (shape) => randomTensor(next, shape);
}

function engines(weights: Weights, known: Map<number, Parameter>): Calculus<Value> {
  let asked = 0;
  // The engine traces more than once; each weight stays one parameter.
  const weight = (shape: Shape): Parameter => {
    const made = known.get(asked) ?? new Parameter(weights(shape));
    known.set(asked++, made);
    return made;
  };
  return {
    conv: (x, o, stride = 1) =>
      F.conv2d(x, weight([o, x.shape[1] ?? 1, 3, 3]), { bias: weight([o]), stride, padding: 1 }),
    up: (x, o) => {
      const options = { bias: weight([o]), stride: 2, padding: 1, outputPadding: 1 };
      return F.convTranspose2d(x, weight([x.shape[1] ?? 1, o, 3, 3]), options);
    },
    mixed: (x, columns) => x.matmul(weight([x.shape.at(-1) ?? 1, columns])),
    matmul: (a, b) => a.matmul(b),
    relu: (x) => x.relu(),
    cat: (list, axis) => F.cat(list, axis),
    permute: (x, order) => x.permute(order),
    slice: (x, axis, start, end) => x.slice(axis, start, end),
    view: (x, shape) => x.view(shape),
    shapeOf: (x) => x.shape,
  };
}

/** `f` is done to every weight: Math.abs gives what errors are measured in, where nothing cancels. */
function naive(weights: Weights, f: (x: number) => number): Calculus<NdArray> {
  const weight = (shape: Shape): NdArray => map(arrayOf(weights(shape)), f);
  return {
    conv(x, o, stride = 1) {
      const w = weight([o, x.shape[1] ?? 1, 3, 3]);
      return conv2d(x, w, weight([o]), { stride: [stride, stride], padding: [1, 1] });
    },
    up(x, o) {
      const bias = weight([o]);
      const settings = { stride: [2, 2], padding: [1, 1], outputPadding: [1, 1] } as const;
      return convTranspose2d(x, weight([x.shape[1] ?? 1, o, 3, 3]), bias, settings);
    },
    mixed: (x, columns) => matmul(x, weight([x.shape.at(-1) ?? 1, columns])),
    matmul,
    relu: (x) => map(x, (value) => Math.max(value, 0)),
    cat: concat,
    permute,
    slice: (x, axis, start, end) => slice(x, axis, start, end, 1),
    view: (x, shape) => ({ ...x, shape }),
    shapeOf: (x) => x.shape,
  };
}

/** A dense block, as RRDB and DenseNet have it: each layer reads all before it. */
const dense =
  (growth: number): Chain =>
  (x, by) => {
    const layers = [x];
    for (let i = 0; i < 4; i++) layers.push(by.relu(by.conv(by.cat(layers, 1), growth)));
    return by.conv(by.cat(layers, 1), by.shapeOf(x)[1] ?? 1);
  };

/** All of a block's values go out. */
const denseOut =
  (growth: number): Chain =>
  (x, by) => {
    const layers = [x];
    for (let i = 0; i < 3; i++) layers.push(by.conv(by.cat(layers, 1), growth));
    return by.cat(layers, 1);
  };

/** A U-Net of two levels, whose skips are put behind what comes up. */
const unet =
  (channels: number): Chain =>
  (x, by) => {
    const first = by.relu(by.conv(x, channels));
    const second = by.relu(by.conv(first, 2 * channels, 2));
    const lowest = by.relu(by.conv(second, 2 * channels, 2));
    const up = by.cat([by.up(lowest, 2 * channels), second], 1);
    return by.conv(by.cat([by.up(by.relu(by.conv(up, channels)), channels), first], 1), 3);
  };

/** Tokens of a picture, mixed by matrices and by themselves, and a picture again. */
const tokens: Chain = (x, by) => {
  const y = by.conv(x, 6);
  const [n = 1, c = 1, h = 1, w = 1] = by.shapeOf(y);
  const rows = by.view(by.permute(y, [0, 2, 3, 1]), [n, h * w, c]);
  const mixed = by.relu(by.mixed(rows, 10));
  const squares = by.matmul(by.permute(mixed, [0, 2, 1]), by.mixed(rows, 5));
  const back = by.permute(by.matmul(mixed, squares), [0, 2, 1]);
  return by.conv(by.view(back, [n, 5, h, w]), 4);
};

/** Name, layers one behind the other, input shape, and what is computed. */
const CHAINS: readonly (readonly [string, number, Shape, Chain])[] = [
  ['permute, then conv', 1, [2, 5, 7, 6], (x, by) => by.conv(by.permute(x, [0, 2, 3, 1]), 5)],
  [
    'conv, permute, then matmul',
    2,
    [2, 3, 5, 7],
    (x, by) => by.mixed(by.permute(by.conv(x, 9), [0, 2, 3, 1]), 6),
  ],
  ['tokens', 5, [2, 3, 5, 4], tokens],
  ['a dense block of whole blocks of channels', 5, [1, 8, 6, 7], dense(4)],
  ['a dense block of parts of them', 5, [1, 5, 6, 7], dense(3)],
  ['a dense block of two samples', 5, [2, 8, 5, 6], dense(4)],
  ['all of a dense block', 3, [1, 8, 5, 9], denseOut(8)],
  ['all of an odd dense block', 3, [1, 7, 5, 9], denseOut(2)],
  ['a U-Net', 6, [1, 3, 8, 12], unet(4)],
  ['an odd U-Net', 6, [2, 3, 8, 4], unet(3)],
  [
    'halves of channels, exchanged',
    2,
    [1, 3, 5, 6],
    (x, by) => {
      const y = by.conv(x, 10);
      return by.conv(by.cat([by.slice(y, 1, 5, 10), by.slice(y, 1, 0, 5)], 1), 4);
    },
  ],
  [
    'a slice of a part that others read',
    2,
    [1, 4, 6, 5],
    (x, by) => {
      const y = by.relu(by.conv(x, 8));
      const both = by.cat([y, x, y], 1);
      return by.cat([by.conv(both, 4), by.slice(both, 1, 4, 12), y], 1);
    },
  ],
];

export const cases: Cases = (seed) =>
  CHAINS.map(([name, layers, shape, chain], index) => {
    const numbers = seed * 100 + index;
    const x = randomTensor(random(numbers), shape);
    const known = new Map<number, Parameter>();
    const weights = weightsOf(numbers + 50);
    const absolute = map(arrayOf(x), Math.abs);
    return {
      name,
      inputs: [x],
      target: (v) => chain(v, engines(weights, known)),
      wanted: chain(
        arrayOf(x),
        naive(weightsOf(numbers + 50), (value) => value),
      ),
      scale: chain(absolute, naive(weightsOf(numbers + 50), Math.abs)),
      // Each layer adds its roundings to those that it passes on.
      tolerance: layers * CONVOLUTION,
    };
  });
