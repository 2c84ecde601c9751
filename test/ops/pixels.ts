/** pixels_in and pixels_out: bytes to levels and back, as `engine.paint` puts them around a network. */
import { type ChannelOrder, type PictureContract, type PictureValues, Tensor } from 'gouache';
import { Conv2d, Module, Parameter, type Value } from 'gouache/nn';
import { at, fill, type NdArray, random } from './array.js';
import { conv2d } from './conv2d.js';
import { pad } from './pad.js';

export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

const channelsOf = (order: ChannelOrder): 1 | 3 => (order === 'RGB' || order === 'BGR' ? 3 : 1);
/** Red, green or blue, of a network's channel. */
const colourOf = (order: ChannelOrder, c: number): number => (order === 'BGR' ? 2 - c : c);

/** A network's value for a level, and back: by a range, or by mean and std. */
const of = (numbers: number | readonly number[] | undefined, c: number, otherwise: number): number =>
  (typeof numbers === 'object' ? numbers[c] : numbers) ?? otherwise;
const toValue = (level: number, c: number, { range = [-1, 1], mean, std }: PictureValues): number =>
  mean === undefined && std === undefined
    ? range[0] + (level * (range[1] - range[0])) / 255
    : (level / 255 - of(mean, c, 0)) / of(std, c, 1);
const toLevel = (value: number, c: number, { range = [-1, 1], mean, std }: PictureValues): number =>
  mean === undefined && std === undefined
    ? ((value - range[0]) * 255) / (range[1] - range[0])
    : (value * of(std, c, 1) + of(mean, c, 0)) * 255;

const luma = (red: number, green: number, blue: number): number => 0.299 * red + 0.587 * green + 0.114 * blue;

/** Red, green, blue and alpha of a pixel: below alpha 32, colours fade to level 128. */
function seen({ data, width, channels }: Picture, row: number, column: number): number[] {
  const byte = (k: number): number => data[(row * width + column) * channels + k] ?? Number.NaN;
  const alpha = channels % 2 === 0 ? byte(channels - 1) : 255;
  const weight = Math.min(alpha / 32, 1);
  const level = (k: number): number => byte(channels < 3 ? 0 : k) * weight + 128 * (1 - weight);
  return [level(0), level(1), level(2), alpha];
}

/** [1, C, H, W]. */
export function pixelsIn(picture: Picture, { input = {} }: PictureContract): NdArray {
  const order = input.channelOrder ?? 'RGB';
  return fill([1, channelsOf(order), picture.height, picture.width], ([, c = 0, row = 0, column = 0]) => {
    const [red = 0, green = 0, blue = 0] = seen(picture, row, column);
    const level = channelsOf(order) === 1 ? luma(red, green, blue) : [red, green, blue][colourOf(order, c)];
    return toValue(level ?? Number.NaN, c, input);
  });
}

/** Keys' kernel at a distance. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/** {@link seen} of a picture that is enlarged `scale` times: bicubic, its edges repeated. */
function enlarged(picture: Picture, scale: number, row: number, column: number): number[] {
  const { height, width } = picture;
  const [y, x] = [(row + 0.5) / scale - 0.5, (column + 0.5) / scale - 0.5];
  const sums = [0, 0, 0, 0];
  for (let i = Math.floor(y) - 1; i <= y + 2; i++) {
    for (let j = Math.floor(x) - 1; j <= x + 2; j++) {
      const weight = cubic(y - i) * cubic(x - j);
      const clamp = (k: number, size: number): number => Math.min(Math.max(k, 0), size - 1);
      seen(picture, clamp(i, height), clamp(j, width)).forEach((level, k) => {
        sums[k] = (sums[k] ?? 0) + weight * level;
      });
    }
  }
  return sums;
}

/** RGBA levels [H, W, 4] before they are rounded: one channel is repeated, of luma with the picture's colours; alpha is the picture's, or 255. */
export function pixelsOut(x: NdArray, picture: Picture, { output = {} }: PictureContract): NdArray {
  const order = output.channelOrder ?? 'RGB';
  const [, , height = 0, width = 0] = x.shape;
  const scale = height / picture.height;
  const sources = Array.from({ length: height * width }, (_, pixel) =>
    enlarged(picture, scale, Math.floor(pixel / width), pixel % width),
  );
  return fill([height, width, 4], ([row = 0, column = 0, k = 0]) => {
    const source = sources[row * width + column] ?? [];
    const [red = 0, green = 0, blue = 0, alpha = 0] = source;
    if (k === 3) return output.kind === 'mask' ? 255 : alpha;
    const c = channelsOf(order) === 1 ? 0 : colourOf(order, k);
    const level = toLevel(at(x, [0, c, row, column]), c, output);
    return order === 'luma' ? level + (source[k] ?? 0) - luma(red, green, blue) : level;
  });
}

/**
 * A 3x3 convolution behind one pixel of reflection, each of whose pixels is repeated: a picture extended by its reflection gives the same as the
 * picture itself.
 */
class Blend extends Module {
  readonly conv: Conv2d;
  readonly scale: number;
  readonly ones: Parameter;
  constructor(channels: number, outputChannels: number, scale: number) {
    super();
    this.conv = new Conv2d(channels, outputChannels, 3, { padding: 1, bias: false });
    this.scale = scale;
    this.ones = new Parameter([scale, 1, scale]);
  }
  override forward(x: Value): Value {
    const y = this.conv.forward(x);
    const [n = 1, c = 1, h = 1, w = 1] = y.shape;
    const repeated = y.view(n * c, h, 1, w, 1).mul(this.ones);
    return repeated.view(n, c, h * this.scale, w * this.scale);
  }
}

export interface PixelCase {
  readonly name: string;
  readonly picture: Picture;
  readonly model: {
    readonly network: Module;
    readonly pictures: PictureContract;
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
/** Each with how many times the network enlarges. */
const CONTRACTS: readonly (readonly [PictureContract, scale: number])[] = [
  [{ input: { channelOrder: 'grey', range: [0, 1] }, output: { range: [-1, 1] } }, 1],
  [{ input: { channelOrder: 'grey' }, output: { channelOrder: 'RGB', range: [-64, 200] } }, 1],
  [{ input: { range: [-128, 127] }, output: { channelOrder: 'grey' } }, 1],
  [{ input: { range: [-128, 127] }, output: { range: [-64, 200] } }, 1],
  [{}, 1],
  // ImageNet's.
  [
    {
      input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      output: { channelOrder: 'BGR', range: [-1, 1] },
    },
    1,
  ],
  [
    {
      input: { channelOrder: 'BGR', mean: 0.5, std: [0.5, 0.25, 1] },
      output: { mean: [0.2, 0.4, 0.6], std: 0.3 },
    },
    3,
  ],
  [
    { input: { channelOrder: 'grey', mean: [0.5] }, output: { channelOrder: 'BGR', std: [0.1, 0.2, 0.3] } },
    1,
  ],
  [{ input: { range: [0, 1] }, output: { kind: 'mask' } }, 1],
  [{ input: { channelOrder: 'grey', range: [0, 1] }, output: { kind: 'mask', std: 1 } }, 2],
  [{ input: { range: [0, 1] }, output: { range: [0, 1] } }, 2],
  [{ input: { channelOrder: 'luma', range: [0, 1] }, output: { range: [0, 1] } }, 1],
  [{ input: { channelOrder: 'luma', range: [0, 1] }, output: { range: [0, 1] } }, 2],
  // Rec. 601 as video has it.
  [{ input: { channelOrder: 'luma', range: [16, 235] }, output: { range: [16, 235] } }, 3],
];

/** What the cases leave out of a contract, said. */
const withDefaults = ({ input, output }: PictureContract): PictureContract => {
  const enters = input?.channelOrder ?? 'RGB';
  const leaves = output?.channelOrder ?? (output?.kind === 'mask' ? 'grey' : enters);
  const isMask = output?.kind === 'mask' && output.mean === undefined && output.std === undefined;
  const range = output?.range ?? (isMask ? [0, 1] : undefined);
  return { input: { ...input, channelOrder: enters }, output: { ...output, range, channelOrder: leaves } };
};

export function cases(seed: number): PixelCase[] {
  const next = random(seed);
  return SIZES.flatMap(([height, width]) =>
    [1, 2, 3, 4].flatMap((channels) =>
      CONTRACTS.map(([pictures, scale]): PixelCase => {
        const contract = withDefaults(pictures);
        const inputChannels = channelsOf(contract.input?.channelOrder ?? 'RGB');
        const outputChannels = channelsOf(contract.output?.channelOrder ?? 'RGB');
        // Half of them small: alphas that fade.
        const data = Uint8Array.from(
          { length: height * width * channels },
          () => next() * (next() < 0.5 ? 40 : 256),
        );
        const picture = { data, width, height, channels };
        const kernel = Tensor.from(
          Float32Array.from(
            { length: outputChannels * inputChannels * 9 },
            () => (next() - 0.2) / inputChannels / 3,
          ),
          [outputChannels, inputChannels, 3, 3],
        );
        const network = new Blend(inputChannels, outputChannels, scale);
        const ones = Tensor.from(new Float32Array(scale * scale).fill(1), [scale, 1, scale]);
        network.loadStateDict({ 'conv.weight': kernel, ones });
        const x = pixelsIn(picture, contract);
        const weight = { shape: kernel.shape, data: Float64Array.from(kernel.data) };
        const y = conv2d(pad(x, [1, 1, 1, 1], 'reflect', 0), weight, null);
        const repeated = fill(
          [1, outputChannels, height * scale, width * scale],
          ([, c = 0, row = 0, column = 0]) =>
            at(y, [0, c, Math.floor(row / scale), Math.floor(column / scale)]),
        );
        return {
          name: `${width}x${height}x${channels}, ${JSON.stringify(pictures)}, ${scale} times`,
          picture,
          model: { network, pictures },
          wanted: pixelsOut(repeated, picture, contract),
        };
      }),
    ),
  );
}
