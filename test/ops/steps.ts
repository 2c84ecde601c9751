/** Steps of pointwise programs in float64, and how far each may be off: a line for each row of micro/pointwise/steps.rs. */
import { functional as F, type Value } from 'gouache/nn';
import type { ElementStep } from '../../dist/ops/kernels.js';
import { ACTIVATION, EXACT, EXPONENTIAL, ONE_ROUNDING, TANH } from '../tolerances.js';

export interface Step {
  /** x, and the step's arguments. */
  readonly exact: (x: number, a: number, b: number) => number;
  readonly tolerance: number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** C's pow, where JavaScript's has NaN: 1 to any power, and -1 to an infinite one, is 1. */
function power(x: number, a: number): number {
  return x === 1 || (x === -1 && Math.abs(a) === Number.POSITIVE_INFINITY) ? 1 : x ** a;
}

export const STEPS: Readonly<Record<ElementStep, Step>> = {
  add: { exact: (x, a) => x + a, tolerance: ONE_ROUNDING },
  sub: { exact: (x, a) => x - a, tolerance: ONE_ROUNDING },
  mul: { exact: (x, a) => x * a, tolerance: ONE_ROUNDING },
  div: { exact: (x, a) => x / a, tolerance: ONE_ROUNDING },
  rsub: { exact: (x, a) => a - x, tolerance: ONE_ROUNDING },
  rdiv: { exact: (x, a) => a / x, tolerance: ONE_ROUNDING },
  pow: { exact: power, tolerance: ONE_ROUNDING },
  min: { exact: (x, a) => Math.min(x, a), tolerance: EXACT },
  max: { exact: (x, a) => Math.max(x, a), tolerance: EXACT },
  clamp: { exact: (x, a, b) => Math.min(Math.max(x, a), b), tolerance: EXACT },
  select: { exact: (x, a, b) => (x === 0 ? b : a), tolerance: EXACT },
  leaky_relu: { exact: (x, a) => (x > 0 ? x : x * a), tolerance: ONE_ROUNDING },
  abs: { exact: (x) => Math.abs(x), tolerance: EXACT },
  exp: { exact: (x) => Math.exp(x), tolerance: EXPONENTIAL },
  log: { exact: (x) => Math.log(x), tolerance: EXPONENTIAL },
  sqrt: { exact: (x) => Math.sqrt(x), tolerance: ONE_ROUNDING },
  relu: { exact: (x) => (x < 0 ? 0 : x), tolerance: EXACT },
  tanh: { exact: (x) => Math.tanh(x), tolerance: TANH },
  sigmoid: { exact: sigmoid, tolerance: ACTIVATION },
  silu: { exact: (x) => x * sigmoid(x), tolerance: ACTIVATION },
  mish: { exact: (x) => x * Math.tanh(Math.log1p(Math.exp(x))), tolerance: ACTIVATION },
};

/** The steps of x alone, by name: what users call is a function of nn.functional, or a method, of that name. */
export const ALONE = Object.entries(STEPS)
  .filter(([, { exact }]) => exact.length === 1)
  .map(([name, step]) => {
    const call = (x: Value): Value => {
      const named = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const [holder, args] = named in F ? [F, [x]] : [x, []];
      return Reflect.apply(Reflect.get(holder, named) as () => Value, holder, args);
    };
    return { name, call, ...step };
  });
