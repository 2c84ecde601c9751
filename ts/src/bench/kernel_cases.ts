/** Operators alone, as users call them, and what each is held against: a pass over memory against memory.copy, products against the multiply-add peak. */
import type { Engine } from '../index.js';

export interface KernelCase {
  readonly name: string;
  /** Of its inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** memory.copy: of as many bytes as the output has. */
  readonly yardstick: 'memory.copy' | 'the peak';
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
/** Of torch.nn.InstanceNorm2d. */
const EPS = 1e-5;

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
];
