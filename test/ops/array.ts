/** What the naive versions compute with: float64 numbers with a shape, in row-major order. And numbers that look random from a seed. */
import { Tensor } from 'gouache';

export type Shape = readonly number[];
export type Shape4 = readonly [n: number, c: number, h: number, w: number];

export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

export const size = (shape: Shape): number => shape.reduce((product, one) => product * one, 1);

/** The numbers of a tensor, exactly. */
export const arrayOf = ({ data, shape }: Tensor): NdArray => ({ shape, data: Float64Array.from(data) });

/** One number for each index of `shape`. */
export function fill(shape: Shape, at: (index: number[]) => number): NdArray {
  const data = new Float64Array(size(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = at(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      if (index[axis] !== shape[axis]) break;
      index[axis] = 0;
    }
  }
  return { shape, data };
}

/** The element at `index`; an axis of size 1 repeats, as do missing leading axes. */
export function at({ shape, data }: NdArray, index: readonly number[]): number {
  const skipped = index.length - shape.length;
  let i = 0;
  shape.forEach((one, axis) => {
    i = i * one + (one === 1 ? 0 : (index[axis + skipped] ?? 0));
  });
  return data[i] ?? Number.NaN;
}

/** The element of an array of four axes: {@link at} without its loop, since convolutions ask some hundred million times. */
export function at4({ shape, data }: NdArray, n: number, c: number, h: number, w: number): number {
  const [channels = 0, height = 0, width = 0] = [shape[1], shape[2], shape[3]];
  return data[((n * channels + c) * height + h) * width + w] ?? Number.NaN;
}

export const map = (x: NdArray, f: (value: number) => number): NdArray => ({
  shape: x.shape,
  data: x.data.map(f),
});

/** Mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A tensor of numbers in low .. high. */
export function randomTensor(next: () => number, shape: Shape, low = -1, high = 1): Tensor {
  return Tensor.from(
    Float32Array.from({ length: size(shape) }, () => low + (high - low) * next()),
    shape,
  );
}

/** Numbers of every kind and size: zeros, denormal ones, the largest, infinities, NaN. */
export const SPECIAL: readonly number[] = [
  ...[0, 1e-40, 1e-20, 0.1, 1, 9, 10, 100, 3e38, Number.POSITIVE_INFINITY].flatMap((x) => [x, -x]),
  Number.NaN,
];

/** Infinite where a number is beyond float32. */
export const inFloat32 = (x: NdArray): NdArray =>
  map(x, (y) => (Math.abs(y) > 3.4028235e38 ? y * Number.POSITIVE_INFINITY : y));
