/** binary: two operands, broadcast as NumPy does. */

import { Tensor } from 'gouache';
import { functional as F, Parameter, type Value } from 'gouache/nn';
import { ONE_ROUNDING } from '../tolerances.js';
import {
  arrayOf,
  at,
  fill,
  inFloat32,
  map,
  type NdArray,
  random,
  randomTensor,
  type Shape,
  SPECIAL,
} from './array.js';
import type { Cases, OpCase } from './case.js';
import { STEPS } from './steps.js';

type Kind = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'minimum' | 'maximum';

const STEP_OF = { minimum: 'min', maximum: 'max' } as const;
const KINDS = (['add', 'sub', 'mul', 'div', 'pow', 'minimum', 'maximum'] as const).map((kind) => {
  const { exact } = STEPS[kind === 'minimum' || kind === 'maximum' ? STEP_OF[kind] : kind];
  return [kind, (a: number, b: number) => exact(a, b, 0)] as const;
});

export function binary(a: NdArray, b: NdArray, f: (a: number, b: number) => number): NdArray {
  const rank = Math.max(a.shape.length, b.shape.length);
  const sizeAt = (shape: Shape, axis: number): number => shape[axis - rank + shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) =>
    sizeAt(a.shape, axis) === 1 ? sizeAt(b.shape, axis) : sizeAt(a.shape, axis),
  );
  return fill(shape, (index) => f(at(a, index), at(b, index)));
}

const SHAPES: readonly (readonly [Shape, Shape])[] = [
  [[1], [1]],
  [
    [2, 5, 3, 7],
    [2, 5, 3, 7],
  ],
  [
    [2, 5, 3, 7],
    [1, 5, 1, 1],
  ],
  [
    [2, 5, 3, 7],
    [2, 1, 3, 7],
  ],
  [[3, 4, 5], [5]],
  [[6, 4], [4]],
  [
    [2, 1, 3, 1, 2, 1],
    [1, 3, 1, 2, 1, 5],
  ],
  [
    [4, 1, 6],
    [1, 9, 1],
  ],
  [
    [2, 9, 1, 1],
    [1, 1, 4, 5],
  ],
  [
    [1, 3, 1, 65],
    [2, 1, 33, 1],
  ],
];

const apply = (a: Value, b: Value | Parameter, kind: Kind): Value => a[kind](b);

export const cases: Cases = (seed) => {
  const pairs: [Tensor, Tensor][] = SHAPES.map(([left, right], index) => {
    const next = random(seed * 100 + index);
    return [randomTensor(next, left), randomTensor(next, right)];
  });
  const special = SPECIAL.length;
  pairs.push([Tensor.from(SPECIAL, [special, 1]), Tensor.from(SPECIAL, [1, special])]);
  return pairs.flatMap(([a, b]): OpCase[] => {
    const [left, right] = [a.shape, b.shape];
    const parameter = new Parameter(b);
    return KINDS.flatMap(([kind, f]): OpCase[] => {
      const common = { tolerance: ONE_ROUNDING };
      const wanted = inFloat32(binary(arrayOf(a), arrayOf(b), f));
      const swapped = inFloat32(binary(arrayOf(b), arrayOf(a), f));
      return [
        {
          ...common,
          name: `[${left}] ${kind} [${right}]`,
          inputs: [a, b],
          target: (x, y) => apply(x as Value, y as Value, kind),
          wanted,
        },
        {
          ...common,
          name: `[${right}] ${kind} [${left}]`,
          inputs: [b, a],
          target: (x, y) => apply(x as Value, y as Value, kind),
          wanted: swapped,
        },
        {
          ...common,
          name: `[${left}] ${kind} parameter [${right}], relu`,
          inputs: [a],
          target: (x) => F.relu(apply(x as Value, parameter, kind)),
          wanted: map(wanted, (value) => Math.max(value, 0)),
        },
      ];
    });
  });
};
