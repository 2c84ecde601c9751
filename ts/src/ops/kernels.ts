/**
 * What kernels compute: one entry a kernel, told to it besides its operands. Shapes are logical; how operands lie in memory is a matter of layouts
 * (ops/layout.ts). Not here: what users mean, which is graph/operators'. Sizes in elements, pairs as [height, width].
 */
import type { Shape } from '../tensor/shape.js';
import type { WeightDtype } from '../tensor/stored.js';
import type { Dims, Packing } from './layout.js';
import type { StepName } from './records.gen.js';

export type PaddingMode = 'zeros' | 'reflect' | 'replicate';
/** What a convolution does to x as it loads it: nothing, (x - m) * s + b with the constants that are its fourth input, or x * s with that, [N or 1, C, 1, 1]. */
export type Load = 'plain' | 'affine' | 'scale';

/** Steps of values and numbers alone, which is what operators are made of. */
export type ElementStep = Exclude<StepName, 'affine'>;

/** A step of a pointwise program: x = step(x, args), where arguments are numbers or operands. */
export interface PointwiseStep {
  readonly step: StepName;
  readonly args: readonly (number | { readonly operand: number })[];
}
/** Begins with x = operand 0. At most `MOST_STEPS` steps over `MOST_OPERANDS` operands (records.gen.ts). */
export type PointwiseProgram = readonly PointwiseStep[];

/**
 * F(m x n, r x s): m x n results, rows and columns of them, of r x s taps at once. `F(4x4, 3x3) / 2`: of stride 2, by phases; `F(8x8, 3x3) * 2`: of
 * a transposed convolution of stride 2 and padding 1.
 */
export type WinogradAlgorithm =
  | 'F(4x4, 3x3)'
  | 'F(3x3, 3x3)'
  | 'F(4x4, 4x4)'
  | 'F(4x4, 3x3) / 2'
  | 'F(8x8, 3x3) * 2'
  | 'F(4x5, 3x3)'
  | 'F(5x3, 5x3)';

/** What all convolutions do around their products. */
export interface AroundConvolution {
  readonly load: Load;
  /** Follows the load, where that is not plain: at most one step (`fitsLoad`). */
  readonly loadProgram: PointwiseProgram;
  /** What results pass before they are stored; they are its operand 0. */
  readonly program: PointwiseProgram;
}

/** Top, bottom, left, right. */
export type Sides = readonly [top: number, bottom: number, left: number, right: number];

/** How a convolution's window moves. */
export interface Window {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: Sides;
  readonly paddingMode: PaddingMode;
}

/** A number for each of three channels; of one channel the first counts. */
export type PerChannel = readonly [number, number, number];

export interface Kernels {
  /**
   * Inputs: x [N C H W], weight [O C/groups KH KW], bias [O]?, constants (of `load`)?, operands 1 to 3 of `program`. Outputs: y [N O H' W'], and
   * opaque moments where `statistics` asks for them.
   */
  conv2d: AroundConvolution & Window & { readonly groups: number };
  /** As conv2d of as many groups as x and y have channels; made by graph/choose.ts. */
  conv_depthwise: AroundConvolution & Window;
  /** As conv2d and conv_transpose2d, by one of Winograd's algorithms; made by graph/choose.ts. Padding is 0 for the transposed algorithm. */
  conv_winograd: AroundConvolution & {
    readonly algorithm: WinogradAlgorithm;
    readonly padding: Sides;
    readonly paddingMode: PaddingMode;
    readonly weights: 'transformed once' | 'transformed in each run';
  };
  /** As conv2d; weight [C O/groups KH KW]. */
  conv_transpose2d: AroundConvolution & {
    readonly stride: readonly [number, number];
    readonly dilation: readonly [number, number];
    readonly groups: number;
    readonly padding: readonly [number, number];
    readonly outputPadding: readonly [number, number];
  };
  /**
   * y = program((x - mean) / sqrt(var + eps) * weight + bias), of each plane's statistics; made by graph/fuse.ts. Inputs: x, weight [C]?, bias [C]?,
   * operands 1 and 2 of the program, whose operand 0 is x. `dims` is the N C H W view of x.
   */
  instance_norm: { readonly dims: Dims; readonly eps: number; readonly program: PointwiseProgram };
  /** The constants m, s and b of a normalisation, of statistics that are taken here. Inputs: x, or the moments that the convolution which made x has left; weight [C]?, bias [C]?. Output: constants, opaque, [N or 1, C]. */
  statistics: Measured<'input' | 'batch'> & { readonly of: 'values' | 'moments' };
  /** As statistics, of stored ones. Inputs: mean [C], variance [C], weight [C]?, bias [C]?. */
  running_constants: { readonly channels: number; readonly eps: number };
  /** Input: x. `dims` is x as N C H W; `axes` of those four are reduced; the output keeps them with size 1. */
  reduce: {
    readonly dims: Dims;
    readonly axes: readonly (0 | 1 | 2 | 3)[];
    readonly kind: 'mean' | 'var';
    readonly unbiased: boolean;
  };
  /** Input: [N C H W]. `value` is for mode zeros. */
  pad: { readonly padding: Sides; readonly mode: PaddingMode; readonly value: number };
  /**
   * Inputs: the program's operands, broadcast as NumPy does. An `affine` step, (x - m) * s + b, has constants: opaque, [N or 1, C], of channels as
   * `dims`, which is the N C H W view of the output, has them.
   */
  pointwise: { readonly program: PointwiseProgram; readonly dims?: Dims };
  /** Same elements in row-major order under another shape; never a record. */
  view: Record<never, never>;
  /** Input: x. Element i of the output, counted in row-major order over `sizes`, is element start + sum of i_a * strides_a of x, counted likewise. */
  move: ElementMap;
  /** Inputs: any number, of equal sizes but along `axis`. */
  concat: { readonly axis: number };
  /** Inputs: a [B or 1, M, K], b [B or 1, K, N], bias [N]?, operands 1 to 3 of `program`. Output [B, M, N], which has passed it. */
  matmul: { readonly program: PointwiseProgram };
  /** Input: a dense value. Output: the same under a layout that one kernel reads; made by graph/lay_out.ts. */
  pack: { readonly packing: Packing };
  /** Input: a tensor's stored bytes. Output: its numbers, dense. Made by graph/prepare.ts. */
  convert: {
    readonly dtype: WeightDtype;
    readonly sourceBytes: number;
    /** Of the stored elements, outermost first. */
    readonly axes: readonly { readonly size: number; readonly stride: number }[];
  };
  /** Input: raw interleaved 8-bit pixels (uint8, [height, width, channels]). Output [1 C H W], extended by reflection. */
  pixels_in: {
    readonly channels: 1 | 2 | 3 | 4;
    readonly width: number;
    readonly height: number;
    readonly left: number;
    readonly top: number;
    readonly outputChannels: 1 | 3;
    readonly outputWidth: number;
    readonly outputHeight: number;
    /** Whether blue is channel 0. */
    readonly bgr: boolean;
    /** y = u8 * scale + offset, by channel of y */
    readonly scale: PerChannel;
    readonly offset: PerChannel;
  };
  /**
   * Inputs: [1 C H W], and the source pixels for their alpha and, of luma, their colours (null: opaque). Output: RGBA bytes, [height, width, 4]: the crop
   * at left, top.
   */
  pixels_out: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
    /** Channels of the source pixels; alpha is theirs when 2 or 4, else 255. */
    readonly sourceChannels: 1 | 2 | 3 | 4;
    /** Sizes of the source, which is interpolated where they are not those of the output. */
    readonly sourceWidth: number;
    readonly sourceHeight: number;
    /** Whether blue is channel 0. */
    readonly bgr: boolean;
    /** Whether x is luma, to which the source's colours are added. */
    readonly chroma: boolean;
    /** u8 = clamp(round(x * scale + offset), 0, 255), by channel of x */
    readonly scale: PerChannel;
    readonly offset: PerChannel;
  };
}

export type KernelName = keyof Kernels;

/** What is told of a normalisation. */
export interface Measured<S = 'input' | 'batch'> {
  readonly dims: Dims;
  /** 'input': per sample and group; 'batch': per channel over the batch (groups = C). */
  readonly statistics: S;
  /** C for instance norm, 1 for layer norm, G for group norm. */
  readonly groups: number;
  readonly eps: number;
}

/** A strided map from an output's elements to an input's. */
export interface ElementMap {
  readonly sizes: Shape;
  readonly strides: readonly number[];
  readonly start: number;
}
