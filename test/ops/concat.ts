/** concat: values one behind the other along an axis. */
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { EXACT } from '../tolerances.js';
import { arrayOf, at, fill, type NdArray, random, randomTensor, type Shape } from './array.js';
import type { Cases, OpCase } from './case.js';

export function concat(parts: readonly NdArray[], axis: number): NdArray {
  const owners = parts.flatMap((part) =>
    Array.from({ length: part.shape[axis] ?? 1 }, (_, from) => ({ part, from })),
  );
  const [first] = parts;
  return fill(
    (first?.shape ?? []).map((size, other) => (other === axis ? owners.length : size)),
    (index) => {
      const owner = owners[index[axis] ?? 0];
      return owner === undefined
        ? Number.NaN
        : at(
            owner.part,
            index.map((i, other) => (other === axis ? owner.from : i)),
          );
    },
  );
}

/** The first part's shape, the axis, and the parts' sizes along it: of whole blocks of 4 channels, and of parts of them. */
const SIZES: readonly (readonly [Shape, number, readonly number[]])[] = [
  [[5], 0, [5]],
  [[1], 0, [1, 2, 3]],
  [[3, 7], 0, [3, 1]],
  [[3, 7], 1, [7, 2, 4]],
  [[2, 3, 5], 1, [3, 6]],
  [[1, 4, 3, 7], 1, [4, 8, 4]],
  [[1, 4, 3, 7], 1, [4, 5, 8]],
  [[1, 3, 5, 6], 1, [3, 1, 2, 7]],
  [[2, 8, 3, 5], 1, [8, 4]],
  [[2, 5, 3, 5], 0, [2, 1]],
  [[1, 5, 3, 4], 2, [3, 1, 2]],
  [[2, 6, 3, 4], 3, [4, 3]],
  [[1, 2, 64, 65], 1, [2, 3]],
  [[2, 3, 2, 4, 3], 2, [2, 3]],
  [[2, 1, 3, 2, 2, 3], 4, [2, 1, 2]],
];

/** Changes no number, and makes the value lie in blocks. */
const inBlocks = (x: Value): Value => F.pad(x, [0, 0]);

export const cases: Cases = (seed) =>
  SIZES.flatMap(([shape, axis, sizes], index): OpCase[] => {
    const next = random(seed * 100 + index);
    const inputs = sizes.map((length) =>
      randomTensor(
        next,
        shape.map((size, other) => (other === axis ? length : size)),
      ),
    );
    const [first = randomTensor(next, shape)] = inputs;
    const arrays = inputs.map(arrayOf);
    const parameters = inputs.map((one) => new Parameter(one));
    const name = `[${shape}] along ${axis}, ${sizes}`;
    const common = { inputs, wanted: concat(arrays, axis), tolerance: EXACT };
    return [
      { ...common, name, target: (...values) => F.cat(values, axis) },
      {
        ...common,
        name: `${name} between blocks`,
        target: (...values) => inBlocks(F.cat(values.map(inBlocks), axis - shape.length)),
      },
      {
        ...common,
        name: `${name}, with parameters`,
        inputs: [first],
        target: (x) => F.cat([x, ...parameters.slice(1)], axis),
      },
      {
        ...common,
        name: `${name}, of parameters alone`,
        inputs: [randomTensor(next, common.wanted.shape, 0, 0)],
        target: (zeros) => zeros.add(F.cat(parameters, axis)),
      },
      {
        ...common,
        name: `${name}, one of them twice, and read again`,
        inputs: [first],
        target: (x) => {
          const y = inBlocks(x);
          return F.cat([y, y, x], axis).add(F.cat([y.mul(0), x.mul(0), y.mul(0)], axis));
        },
        wanted: concat([first, first, first].map(arrayOf), axis),
      },
      {
        ...common,
        name: `${name}, in another`,
        target: (...values) => inBlocks(F.cat([F.cat(values, axis), inBlocks(F.cat(values, axis))], axis)),
        wanted: concat([...arrays, ...arrays], axis),
      },
    ];
  });
