/** pixels_in and pixels_out: bytes to levels and back, as `engine.paint` puts them around a network. */
import { Tensor } from 'gouache';
import { Conv2d, Module, type Value } from 'gouache/nn';
import { at, fill, type NdArray, random } from './array.js';
import { conv2d } from './conv2d.js';
import { pad } from './pad.js';

export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

type Range = readonly [number, number];

/** [1, outputChannels, H, W]: 0 .. 255 becomes low .. high; grey is repeated, colour weighed by Rec. 601; below alpha 32, colours fade to level 128. */
export function pixelsIn(
  { data, width, height, channels }: Picture,
  outputChannels: number,
  range: Range,
): NdArray {
  const [low, high] = range;
  return fill([1, outputChannels, height, width], ([, c = 0, row = 0, column = 0]) => {
    const byte = (k: number): number => data[(row * width + column) * channels + k] ?? Number.NaN;
    const weight = channels % 2 === 0 ? Math.min(byte(channels - 1) / 32, 1) : 1;
    const level = (k: number): number => byte(k) * weight + 128 * (1 - weight);
    const grey = channels < 3 ? level(0) : 0.299 * level(0) + 0.587 * level(1) + 0.114 * level(2);
    return low + ((outputChannels === 1 ? grey : level(channels < 3 ? 0 : c)) * (high - low)) / 255;
  });
}

/** RGBA levels [H, W, 4] before they are rounded: low .. high becomes 0 .. 255, one channel is repeated, alpha is the source's or 255. */
export function pixelsOut(x: NdArray, source: Picture, [low, high]: Range): NdArray {
  const { data, width, height, channels } = source;
  return fill([height, width, 4], ([row = 0, column = 0, c = 0]) => {
    const alpha = channels % 2 === 0 ? data[(row * width + column + 1) * channels - 1] : 255;
    return c === 3 ? (alpha ?? Number.NaN) : ((at(x, [0, c, row, column]) - low) * 255) / (high - low);
  });
}

/** A 3x3 convolution behind one pixel of reflection: a picture extended by its reflection gives the same as the picture itself. */
class Blend extends Module {
  readonly conv: Conv2d;
  constructor(channels: number, outputChannels: number) {
    super();
    this.conv = new Conv2d(channels, outputChannels, 3, { padding: 1, bias: false });
  }
  override forward(x: Value): Value {
    return this.conv.forward(x);
  }
}

export interface PixelCase {
  readonly name: string;
  readonly picture: Picture;
  readonly model: {
    readonly network: Module;
    readonly inputRange: Range;
    readonly outputRange: Range;
    readonly inputChannels: number;
    readonly outputChannels: number;
    readonly metadata: ReadonlyMap<string, string>;
  };
  /** Levels, not rounded yet. */
  readonly wanted: NdArray;
}

const SIZES = [
  [2, 2],
  [2, 9],
  [5, 3],
  [33, 31],
] as const;
const RANGES: readonly (readonly [Range, Range])[] = [
  [
    [0, 1],
    [0, 1],
  ],
  [
    [-1, 1],
    [-1, 1],
  ],
  [
    [-128, 127],
    [-64, 200],
  ],
];

export function cases(seed: number): PixelCase[] {
  const next = random(seed);
  return SIZES.flatMap(([height, width], index) =>
    [1, 2, 3, 4].flatMap((channels) =>
      [1, 3].flatMap((inputChannels) =>
        [1, 3].map((outputChannels): PixelCase => {
          // Half of them small: alphas that fade.
          const data = Uint8Array.from(
            { length: height * width * channels },
            () => next() * (next() < 0.5 ? 40 : 256),
          );
          const picture = { data, width, height, channels };
          const [inputRange, outputRange] = RANGES[(index + channels) % RANGES.length] ?? [
            [0, 1],
            [0, 1],
          ];
          const kernel = Tensor.from(
            Float32Array.from(
              { length: outputChannels * inputChannels * 9 },
              () => (next() - 0.2) / inputChannels / 3,
            ),
            [outputChannels, inputChannels, 3, 3],
          );
          const network = new Blend(inputChannels, outputChannels);
          network.loadStateDict({ 'conv.weight': kernel });
          const x = pixelsIn(picture, inputChannels, inputRange);
          const weight = { shape: kernel.shape, data: Float64Array.from(kernel.data) };
          const y = conv2d(pad(x, [1, 1, 1, 1], 'reflect', 0), weight, null);
          return {
            name: `${width}x${height}x${channels} through ${inputChannels} and ${outputChannels} channels`,
            picture,
            model: { network, inputRange, outputRange, inputChannels, outputChannels, metadata: new Map() },
            wanted: pixelsOut(y, picture, outputRange),
          };
        }),
      ),
    ),
  );
}
