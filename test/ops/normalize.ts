/** normalize: two passes over each set of elements that share a mean and a variance. */
import { Tensor } from 'gouache';
import { functional as F, Parameter } from 'gouache/nn';
import { CHAIN, NORMALIZATION } from '../tolerances.js';
import { arrayOf, at, fill, map, type NdArray, random, randomTensor, type Shape } from './array.js';
import { type Cases, deviations, type OpCase } from './case.js';

const EPS = 1e-5;

export interface Affine {
  readonly weight: NdArray;
  readonly bias: NdArray;
}

/** (x - mean) / sqrt(var + eps), elements with the same `key` sharing mean and biased variance; weight and bias by axis 1. */
export function normalize(
  x: NdArray,
  key: (index: readonly number[]) => string,
  affine: Affine | null,
  eps = EPS,
): NdArray {
  const sets = new Map<string, { count: number; sum: number; squares: number }>();
  const setOf = (index: readonly number[]) => {
    const set = sets.get(key(index)) ?? { count: 0, sum: 0, squares: 0 };
    sets.set(key(index), set);
    return set;
  };
  fill(x.shape, (index) => {
    const set = setOf(index);
    set.count++;
    set.sum += at(x, index);
    return 0;
  });
  fill(x.shape, (index) => {
    const set = setOf(index);
    set.squares += (at(x, index) - set.sum / set.count) ** 2;
    return 0;
  });
  return fill(x.shape, (index) => {
    const { count, sum, squares } = setOf(index);
    const y = (at(x, index) - sum / count) / Math.sqrt(squares / count + eps);
    const channel = [index[1] ?? 0];
    return affine === null ? y : y * at(affine.weight, channel) + at(affine.bias, channel);
  });
}

/** Their squares, and the largest ones' differences, are beyond float32. */
const LARGE = [1e18, 1e20, 1e38, 3.4e38];

const SHAPES: readonly Shape[] = [
  [1, 1, 1, 2],
  [2, 3, 5, 7],
  [1, 4, 16, 16],
  [3, 9, 4, 3],
  [1, 6, 130, 131],
  [2, 8, 33],
];

export const cases: Cases = (seed) =>
  [...ordinary(seed), ...large(seed)].map((one) => ({ ...one, scale: deviations(one.wanted) }));

/** Large values, one of them far from all others, and some that are not finite: those spoil what they are normalised with. */
const large = (seed: number): OpCase[] =>
  LARGE.flatMap((most, index) =>
    [[2, 6, 5, 7] as const, [1, 6, 70, 71] as const].flatMap((shape): OpCase[] => {
      const x = randomTensor(random(seed * 100 + index), shape, -most, most);
      // Far from the mean, but not so far in deviations.
      x.data.fill(most / 8, 0, shape[2] * shape[3]).fill(-most, 11, 12);
      const spoilt = Tensor.from(x.data.slice(), shape);
      const plane = shape[2] * shape[3];
      spoilt.data.set([Number.POSITIVE_INFINITY], 2 * plane + 3);
      spoilt.data.set([Number.NaN], 4 * plane);
      return (
        [
          ['large', x],
          ['spoilt', spoilt],
        ] as const
      ).flatMap(([kind, input]) => {
        const common = { inputs: [input], tolerance: NORMALIZATION };
        const wanted = (key: (index: readonly number[]) => string) => normalize(arrayOf(input), key, null);
        return [
          {
            ...common,
            name: `instance, ${kind} ${most} [${shape}]`,
            target: (v) => F.instanceNorm(v),
            wanted: wanted(([n, channel]) => `${n} ${channel}`),
          },
          {
            ...common,
            name: `batch, ${kind} ${most} [${shape}]`,
            target: (v) => F.batchNorm(v, null, null, { training: true }),
            wanted: wanted(([, channel]) => `${channel}`),
          },
          {
            ...common,
            name: `group, ${kind} ${most} [${shape}]`,
            target: (v) => F.groupNorm(v, 3),
            wanted: wanted(([n, channel = 0]) => `${n} ${Math.floor(channel / 2)}`),
          },
        ] satisfies OpCase[];
      });
    }),
  );

const ordinary: Cases = (seed) =>
  SHAPES.flatMap((shape, index): OpCase[] => {
    const next = random(seed * 100 + index);
    const x = randomTensor(next, shape, -2, 3);
    const other = randomTensor(next, shape);
    const c = shape[1] ?? 1;
    const [w, b, mean] = [randomTensor(next, [c]), randomTensor(next, [c]), randomTensor(next, [c])];
    const variance = randomTensor(next, [c], 0.1, 2);
    const [weight, bias] = [new Parameter(w), new Parameter(b)];
    const [runningMean, runningVar] = [new Parameter(mean), new Parameter(variance)];
    const affine = { weight: arrayOf(w), bias: arrayOf(b) };
    const [xs, others, means, variances] = [x, other, mean, variance].map(arrayOf) as [
      NdArray,
      NdArray,
      NdArray,
      NdArray,
    ];
    const groups = c % 3 === 0 ? 3 : c % 2 === 0 ? 2 : 1;
    const instance = normalize(xs, ([n, channel]) => `${n} ${channel}`, affine);
    const tail = shape.slice(1);
    const [lw, lb] = [randomTensor(next, tail), randomTensor(next, tail)];
    const [layerWeight, layerBias] = [new Parameter(lw), new Parameter(lb)];
    const [layerWeights, layerBiases] = [arrayOf(lw), arrayOf(lb)];
    const layer = normalize(xs, ([n]) => `${n}`, null);
    const common = { inputs: [x], tolerance: NORMALIZATION };
    return [
      {
        ...common,
        name: `instance [${shape}]`,
        target: (v) => F.instanceNorm(v),
        wanted: normalize(xs, ([n, channel]) => `${n} ${channel}`, null),
      },
      {
        ...common,
        name: `instance, affine [${shape}]`,
        target: (v) => F.instanceNorm(v, { weight, bias }),
        wanted: instance,
      },
      {
        ...common,
        name: `instance, relu, residual [${shape}]`,
        inputs: [x, other],
        target: (v, residual) => F.relu(F.instanceNorm(v, { weight, bias })).add(residual ?? 0),
        wanted: fill(shape, (i) => Math.max(at(instance, i), 0) + at(others, i)),
      },
      {
        ...common,
        name: `instance, tanh [${shape}]`,
        target: (v) => F.tanh(F.instanceNorm(v, { weight, bias })),
        wanted: map(instance, Math.tanh),
      },
      {
        ...common,
        name: `instance, twice [${shape}]`,
        tolerance: CHAIN,
        target: (v) => F.instanceNorm(F.instanceNorm(v, { weight, bias }).add(v)),
        wanted: normalize(
          fill(shape, (i) => at(instance, i) + at(xs, i)),
          ([n, channel]) => `${n} ${channel}`,
          null,
        ),
      },
      {
        ...common,
        name: `batch [${shape}]`,
        target: (v) => F.batchNorm(v, null, null, { training: true, weight, bias }),
        wanted: normalize(xs, ([, channel]) => `${channel}`, affine),
      },
      {
        ...common,
        name: `batch, running [${shape}]`,
        target: (v) => F.batchNorm(v, runningMean, runningVar, { weight, bias }),
        wanted: fill(shape, (i) => {
          const channel = [i[1] ?? 0];
          const deviation = Math.sqrt(at(variances, channel) + EPS);
          const y = (at(xs, i) - at(means, channel)) / deviation;
          return y * at(affine.weight, channel) + at(affine.bias, channel);
        }),
      },
      {
        ...common,
        name: `group ${groups} [${shape}]`,
        target: (v) => F.groupNorm(v, groups, { weight, bias }),
        wanted: normalize(xs, ([n, channel = 0]) => `${n} ${Math.floor((channel * groups) / c)}`, affine),
      },
      {
        ...common,
        name: `layer [${shape}]`,
        target: (v) => F.layerNorm(v, tail, { weight: layerWeight, bias: layerBias }),
        wanted: fill(shape, (i) => at(layer, i) * at(layerWeights, i.slice(1)) + at(layerBiases, i.slice(1))),
      },
    ];
  });
