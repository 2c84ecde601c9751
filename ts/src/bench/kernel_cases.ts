/** Operators alone, as users call them, and what each is held against: a pass over memory against memory.copy, products against the multiply-add peak, of groups against those of a dense convolution. */
import type { Engine, Value } from '../index.js';

export interface KernelCase {
  readonly name: string;
  /** Of its inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** memory.copy: of as many bytes as the output has; a kernel of this table: of as many products. */
  readonly yardstick: 'memory.copy' | 'the peak' | typeof DENSE;
  /** The part of the yardstick's rate that it is to reach. */
  readonly least: number;
  /** Records that are no part of it, where there are any. */
  readonly without?: string;
  create(nn: typeof import('../nn/index.js')): Parameters<Engine['compile']>[0];
  /** Element `at` of the output, in float64. */
  expected(inputs: readonly Float32Array[], at: number): number;
}

/** Where an input is missing. */
const EMPTY = new Float32Array();
const PLANE = 256 * 256;
/** Of the matrices that are multiplied. */
const SIDE = 1024;
/** A weight that float32 holds, of a channel's kernel. */
const tapOf = (channel: number, tap: number): number => ((channel + tap) % 7) / 8 - 0.375;
/** By the direct kernel: kernels alone are compiled with precision 'highest'. */
const DENSE = 'convolution';
/** Of torch.nn.InstanceNorm2d. */
const EPS = 1e-5;

/** 3x3 of 64 channels to as many, in groups of `inputs` channels. */
function convolution(inputs: number, side: number) {
  return {
    shapes: [[1, 64, side, side]],
    without: 'move_strided',
    create: (nn: typeof import('../nn/index.js')) => {
      const taps = Float32Array.from({ length: 64 * inputs * 9 }, (_, i) => tapOf(Math.floor(i / 9), i % 9));
      const bytes = new Uint8Array(taps.buffer);
      const shape = [64, inputs, 3, 3];
      const weight = new nn.Parameter({ bytes, dtype: 'F32', shape, strides: [inputs * 9, 9, 3, 1] });
      return (x: Value) => nn.functional.conv2d(x, weight, { padding: 1, groups: 64 / inputs });
    },
    expected([x = EMPTY]: readonly Float32Array[], at: number) {
      const [o, row, col] = [Math.floor(at / side ** 2), Math.floor(at / side) % side, at % side];
      let sum = 0;
      for (let k = 0; k < inputs * 9; k++) {
        const [input, tap] = [Math.floor(k / 9), k % 9];
        const [i, j] = [row + Math.floor(tap / 3) - 1, col + (tap % 3) - 1];
        if (i < 0 || i >= side || j < 0 || j >= side) continue;
        const channel = o - (o % inputs) + input;
        sum += tapOf(o * inputs + input, tap) * (x[(channel * side + i) * side + j] ?? Number.NaN);
      }
      return sum;
    },
  };
}

export const KERNEL_CASES: readonly KernelCase[] = [
  {
    name: 'instance norm + ReLU',
    shapes: [[1, 32, 256, 256]],
    yardstick: 'memory.copy',
    least: 0.5,
    // Its passes alone: in a network layouts do not change around it.
    without: 'move_strided',
    create: (nn) => new nn.Sequential(new nn.InstanceNorm2d(32, { affine: true }), new nn.ReLU()),
    expected([x = EMPTY], at) {
      const plane = x.subarray(at - (at % PLANE)).subarray(0, PLANE);
      const mean = plane.reduce((sum, value) => sum + value, 0) / PLANE;
      const variance = plane.reduce((sum, value) => sum + (value - mean) ** 2, 0) / PLANE;
      return Math.max(0, ((x[at] ?? Number.NaN) - mean) / Math.sqrt(variance + EPS));
    },
  },
  {
    name: 'depthwise convolution',
    yardstick: 'memory.copy',
    least: 0.5,
    ...convolution(1, 256),
  },
  { name: DENSE, yardstick: 'the peak', least: 0.8, ...convolution(64, 128) },
  ...[4, 8, 16].map(
    (inputs): KernelCase => ({
      name: `${DENSE}, groups of ${inputs}`,
      yardstick: DENSE,
      least: 0.7,
      ...convolution(inputs, 128),
    }),
  ),
  {
    name: 'one pointwise step',
    shapes: [[1, 64, 512, 512]],
    yardstick: 'memory.copy',
    least: 0.75,
    create: () => (x: Value) => x.mul(1.5),
    expected: ([x = EMPTY], at) => (x[at] ?? Number.NaN) * 1.5,
  },
  {
    // Held to 1.5 times one step.
    name: 'five pointwise steps',
    shapes: [[1, 64, 512, 512]],
    yardstick: 'memory.copy',
    least: 0.5,
    create: () => (x: Value) => x.mul(1.5).add(x).relu().sub(0.25).mul(x),
    expected([x = EMPTY], at) {
      const value = x[at] ?? Number.NaN;
      return (Math.max(0, value * 2.5) - 0.25) * value;
    },
  },
  {
    name: 'matmul',
    shapes: [
      [SIDE, SIDE],
      [SIDE, SIDE],
    ],
    yardstick: 'the peak',
    least: 0.85,
    create: () => (x: Value, y: Value) => x.matmul(y),
    expected([x = EMPTY, y = EMPTY], at) {
      const [row, col] = [at - (at % SIDE), at % SIDE];
      return x
        .subarray(row, row + SIDE)
        .reduce((sum, value, k) => sum + value * (y[k * SIDE + col] ?? Number.NaN), 0);
    },
  },
  {
    name: 'permute to NHWC, 4 MiB',
    shapes: [[1, 64, 128, 128]],
    yardstick: 'memory.copy',
    least: 0.5,
    create: () => (x: Value) => x.permute(0, 2, 3, 1),
    expected: ([x = EMPTY], at) => x[(at % 64) * 128 * 128 + Math.floor(at / 64)] ?? Number.NaN,
  },
  {
    name: 'permute to NHWC, 16 MiB',
    shapes: [[1, 64, 256, 256]],
    yardstick: 'memory.copy',
    least: 0.5,
    create: () => (x: Value) => x.permute(0, 2, 3, 1),
    expected: ([x = EMPTY], at) => x[(at % 64) * PLANE + Math.floor(at / 64)] ?? Number.NaN,
  },
  {
    name: 'transpose',
    shapes: [[4096, 4096]],
    yardstick: 'memory.copy',
    least: 0.5,
    create: () => (x: Value) => x.permute(1, 0),
    expected: ([x = EMPTY], at) => x[(at % 4096) * 4096 + Math.floor(at / 4096)] ?? Number.NaN,
  },
  {
    name: 'cat along C',
    shapes: [
      [1, 64, 256, 256],
      [1, 64, 256, 256],
    ],
    yardstick: 'memory.copy',
    least: 0.5,
    create: (nn) => (x: Value, y: Value) => nn.functional.cat([x, y], 1),
    expected: ([x = EMPTY, y = EMPTY], at) => x[at] ?? y[at - x.length] ?? Number.NaN,
  },
  {
    name: 'slice of C',
    shapes: [[1, 64, 256, 256]],
    yardstick: 'memory.copy',
    least: 0.5,
    create: () => (x: Value) => x.slice(1, 16, 48),
    expected: ([x = EMPTY], at) => x[at + 16 * PLANE] ?? Number.NaN,
  },
];
