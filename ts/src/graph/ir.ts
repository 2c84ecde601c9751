/**
 * The graph: what `trace` writes, `fuse` rewrites and `place` lays out. Plain data; every stage is a pure function of it.
 *
 * A value's logical shape has any rank. In memory a value is blocked NCHW4c under one N C H W factoring of its elements
 * in row-major order, so a `view` costs nothing; where a consumer needs another factoring, `place` puts a `reorder` between.
 */
import type { Parameter } from './parameter.js';

/** A logical shape, any rank, outermost first. */
export type Shape = readonly number[];
/** A shape in memory: N C H W, in elements. */
export type Dims = readonly [n: number, c: number, h: number, w: number];
/** Index into {@link Graph.values}. */
export type ValueId = number;

export type Activation = 'none' | 'relu' | 'tanh';
export type PaddingMode = 'zeros' | 'reflect' | 'replicate';
/** What a convolution does to x as it loads it: nothing, or the normalisation whose constants are its second input. */
export type Load = 'plain' | 'normalized' | 'normalized-relu';
export type BinaryKind = 'add' | 'sub' | 'mul' | 'div';
/** `scalar*`: x op value; `rsub`: value - x; `rdiv`: value / x. */
export type UnaryKind = 'relu' | 'tanh' | 'sqrt' | 'add' | 'sub' | 'mul' | 'div' | 'rsub' | 'rdiv';

/**
 * F(m x n, r x s): m x n results, rows and columns of them, of r x s taps at once. `F(4x4, 3x3) / 2`: of stride 2, by phases; `F(8x8, 3x3) * 2`: of a transposed convolution
 * of stride 2 and padding 1.
 */
export type WinogradAlgorithm =
  | 'F(4x4, 3x3)'
  | 'F(3x3, 3x3)'
  | 'F(4x4, 4x4)'
  | 'F(4x4, 3x3) / 2'
  | 'F(8x8, 3x3) * 2'
  | 'F(4x5, 3x3)'
  | 'F(5x3, 5x3)';

/** What each op is told besides its inputs and weights. Sizes in elements, pairs as [height, width]. */
export interface OpAttributes {
  /** Inputs: none. A parameter used as a value in `forward`; weight role `value`. */
  parameter: Record<never, never>;
  /** Input: [N C H W]; constants, unless `load` is plain. Weights: weight [O C KH KW], bias [O]? May leave {@link Node.moments}. */
  conv2d: {
    readonly stride: readonly [number, number];
    readonly dilation: readonly [number, number];
    /** top, bottom, left, right */
    readonly padding: readonly [number, number, number, number];
    readonly paddingMode: PaddingMode;
    readonly activation: Activation;
    readonly load: Load;
  };
  /**
   * A conv2d or conv_transpose2d by one of Winograd's algorithms, made by graph/choose.ts; inputs and weights as that op has them, [C O KH KW] for
   * the transposed algorithm.
   */
  conv_winograd: {
    readonly algorithm: WinogradAlgorithm;
    /** top, bottom, left, right; 0 for the transposed algorithm */
    readonly padding: readonly [number, number, number, number];
    readonly paddingMode: PaddingMode;
    readonly activation: Activation;
    readonly load: Load;
    readonly weights: 'transformed once' | 'transformed in each run';
  };
  /** Input, weight [C O KH KW] apart, as conv2d. */
  conv_transpose2d: {
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
    readonly outputPadding: readonly [number, number];
    readonly activation: Activation;
    readonly load: Load;
  };
  /**
   * y = activation((x - mean) / sqrt(var + eps) * weight + bias) [+ residual]. Input: x of any rank >= 2 and, when `residual`, a second of the same shape.
   * `dims` is the N C H W view of x the statistics are taken over. Weights: weight [C]?, bias [C]?; runningMean [C], runningVar [C] when statistics is 'running'.
   * When they are 'given' the second input is the constants, a third the residual, and there are no weights.
   */
  normalize: {
    readonly dims: Dims;
    /** 'input': per sample and group; 'batch': per channel over the batch (groups = C); 'running': stored; 'given': another node's (made by fuse). */
    readonly statistics: 'input' | 'batch' | 'running' | 'given';
    /** C for instance norm, 1 for layer norm, G for group norm. */
    readonly groups: number;
    readonly eps: number;
    readonly activation: Activation;
    readonly residual: boolean;
  };
  /**
   * Made by fuse: the first half of `normalize`. Input: x, or the moments that the convolution which made x has left. Output: constants, opaque,
   * [N or 1, C]. Weights: weight [C]?, bias [C]?
   */
  statistics: {
    readonly dims: Dims;
    readonly of: 'values' | 'moments';
    readonly statistics: 'input' | 'batch';
    readonly groups: number;
    readonly eps: number;
  };
  /** Made by fuse: as statistics, of stored ones. Inputs: none. Never a record: packed with the weights. Weights: runningMean, runningVar, weight?, bias? */
  running_constants: { readonly channels: number; readonly eps: number };
  /** Input: rank <= 4. `dims` is x as N C H W; `axes` of those four are reduced; the output keeps them with size 1 (a view drops them). */
  reduce: {
    readonly dims: Dims;
    readonly axes: readonly (0 | 1 | 2 | 3)[];
    readonly kind: 'mean' | 'var';
    readonly unbiased: boolean;
  };
  /** Input: [N C H W]. padding: top, bottom, left, right; `value` for mode zeros. */
  pad: {
    readonly padding: readonly [number, number, number, number];
    readonly mode: PaddingMode;
    readonly value: number;
  };
  /** Inputs: two, broadcast as NumPy does. */
  binary: { readonly kind: BinaryKind; readonly activation: Activation };
  unary: { readonly kind: UnaryKind; readonly value: number };
  /** Same elements in row-major order under another shape; never a record of its own. */
  view: { readonly shape: Shape };
  /** Input: raw interleaved 8-bit pixels (a graph input of dtype uint8, shape [height, width, channels]). Output [1 C H W], extended by reflection. */
  pixels_in: {
    readonly channels: 1 | 2 | 3 | 4;
    readonly width: number;
    readonly height: number;
    readonly left: number;
    readonly top: number;
    readonly outputChannels: 1 | 3;
    readonly outputWidth: number;
    readonly outputHeight: number;
    /** y = u8 * scale + offset */
    readonly scale: number;
    readonly offset: number;
  };
  /** Inputs: [1 C H W] and the source pixels (for their alpha). Output: RGBA bytes, shape [height, width, 4]: the crop at left, top. */
  pixels_out: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
    /** Channels of the source pixels; alpha is copied when 2 or 4, else 255. */
    readonly sourceChannels: 1 | 2 | 3 | 4;
    /** u8 = clamp(round(x * scale + offset), 0, 255) */
    readonly scale: number;
    readonly offset: number;
  };
}

export type OpName = keyof OpAttributes;

export interface GraphValue {
  readonly id: ValueId;
  readonly shape: Shape;
  /** uint8 only for pixels at the graph's ends; opaque: constants and moments, whose bytes only kernels know, by sample and channel. */
  readonly dtype: 'float32' | 'uint8' | 'opaque';
}

export interface Node<K extends OpName = OpName> {
  readonly op: K;
  /** Dotted path of the module that made it (`encoder.0`), or the function's name. */
  readonly name: string;
  readonly inputs: readonly ValueId[];
  readonly output: ValueId;
  /** A convolution's second output, for `statistics`: opaque, [N, C]. */
  readonly moments?: ValueId;
  readonly attributes: OpAttributes[K];
  /** Parameters and buffers by role. */
  readonly weights: Readonly<Record<string, Parameter>>;
}

/** A node of any op, discriminated by `op`. */
export type AnyNode = { [K in OpName]: Node<K> }[OpName];

export interface Graph {
  readonly values: readonly GraphValue[];
  readonly inputs: readonly ValueId[];
  /** In execution order. */
  readonly nodes: readonly AnyNode[];
  readonly outputs: readonly ValueId[];
}
