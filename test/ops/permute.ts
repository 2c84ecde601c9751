/** permute: the axes in another order. */
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { EXACT } from '../tolerances.js';
import { arrayOf, at, fill, type NdArray, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

/** Axis a of the result is axis `order[a]` of x. */
export function permute(x: NdArray, order: readonly number[]): NdArray {
  return fill(
    order.map((axis) => x.shape[axis] ?? 1),
    (index) =>
      at(
        x,
        x.shape.map((_, axis) => index[order.indexOf(axis)] ?? 0),
      ),
  );
}

/** Sizes around the lanes and blocks of 4, and around tiles; all of ONNX's and PyTorch's usual orders, and some that nothing merges in. */
const SHAPES: readonly (readonly [Shape, readonly (readonly number[])[]])[] = [
  [[5], [[0]]],
  [[3, 7], [[1, 0]]],
  [[1, 9], [[1, 0]]],
  [[65, 130], [[1, 0]]],
  [
    [2, 3, 5],
    [
      [0, 2, 1],
      [1, 0, 2],
      [2, 0, 1],
      [1, 2, 0],
      [2, 1, 0],
    ],
  ],
  [
    [2, 5, 3, 7],
    [
      [0, 2, 3, 1],
      [0, 3, 1, 2],
      [0, 1, 3, 2],
      [1, 0, 2, 3],
      [2, 3, 0, 1],
      [3, 2, 1, 0],
    ],
  ],
  [
    [1, 3, 33, 65],
    [
      [0, 2, 3, 1],
      [0, 3, 2, 1],
    ],
  ],
  [
    [1, 132, 4, 9],
    [
      [0, 2, 3, 1],
      [0, 3, 1, 2],
    ],
  ],
  [
    [2, 3, 1, 4, 5],
    [
      [4, 2, 0, 3, 1],
      [0, 2, 1, 3, 4],
    ],
  ],
  [
    [2, 3, 1, 2, 5, 3],
    [
      [5, 4, 3, 2, 1, 0],
      [0, 1, 4, 2, 5, 3],
    ],
  ],
];

/** Changes no number, and makes the value lie in blocks. */
const inBlocks = (x: Value): Value => F.pad(x, [0, 0]);

export const cases: Cases = (seed) =>
  SHAPES.flatMap(([shape, orders], index): OpCase[] => {
    const x = randomTensor(random(seed * 100 + index), shape);
    const parameter = new Parameter(x);
    const reversed = shape.map((_, axis) => axis).reverse();
    return orders.flatMap((order): OpCase[] => {
      const name = `[${shape}] in order [${order}]`;
      const common = { inputs: [x], wanted: permute(arrayOf(x), order), tolerance: EXACT };
      const negative = order.map((axis) => axis - shape.length);
      return [
        { ...common, name, target: (v) => v.permute(...order) },
        { ...common, name: `${name} between blocks`, target: (v) => inBlocks(inBlocks(v).permute(negative)) },
        {
          ...common,
          name: `${name} after two that cancel`,
          target: (v) => v.permute(reversed).permute(reversed).permute(order),
        },
        {
          ...common,
          name: `${name}, of a parameter`,
          inputs: [randomTensor(random(seed), common.wanted.shape, 0, 0)],
          target: (zeros) => zeros.add(parameter.permute(order)),
        },
        {
          ...common,
          name: `${name} twice`,
          target: (v) => inBlocks(v).permute(order).permute(order),
          wanted: permute(common.wanted, order),
        },
      ];
    });
  });
