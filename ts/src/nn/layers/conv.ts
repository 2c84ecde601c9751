/** Convolution layers. They have no values until weights are loaded: nothing random is made here. */

import { checkOptions, flag, type Pair, pair, whole } from '../../check.js';
import { ArgumentError, UnsupportedError } from '../../errors.js';
import type { ConvTranspose } from '../../graph/operators/conv_transpose.js';
import { Parameter } from '../../graph/parameter.js';
import type { Value } from '../../graph/value.js';
import type { PaddingMode } from '../../ops/kernels.js';
import { shown } from '../../spell.js';
import {
  type ConvNumbers,
  convNumbers,
  convolve,
  convolveTransposed,
  convTransposeNumbers,
  type Padding,
} from '../functional/conv.js';
import { inModule, Module } from '../module.js';

export interface Conv2dLayerOptions {
  /** Default 1. */
  readonly stride?: Pair;
  /** Rows and columns of padding, 'same' or 'valid' (default 0). */
  readonly padding?: Padding;
  /** Default 1. */
  readonly dilation?: Pair;
  /** Divides both numbers of channels: each output reads its group's inputs (default 1). */
  readonly groups?: number;
  /** Whether there is a bias (default true). */
  readonly bias?: boolean;
  /** What the padding holds: 'zeros' (default), 'reflect' or 'replicate'. */
  readonly paddingMode?: PaddingMode | 'circular';
}

function paddingModeOf(mode: string, op: string): PaddingMode {
  if (mode === 'zeros' || mode === 'reflect' || mode === 'replicate') return mode;
  throw new UnsupportedError('unknown padding mode', {
    op,
    got: shown(mode),
    wanted: "'zeros', 'reflect' or 'replicate'",
  });
}

/** @throws {@link ArgumentError} unless the groups divide both */
function divisible(
  {
    inChannels,
    outChannels,
    groups,
  }: { readonly inChannels: number; readonly outChannels: number; readonly groups: number },
  op: string,
): void {
  for (const [name, channels] of Object.entries({ inChannels, outChannels })) {
    if (channels % groups === 0) continue;
    throw new ArgumentError(`${name} must be divisible by groups`, {
      op,
      got: `${name} ${channels} with groups ${groups}`,
      wanted: `a multiple of ${groups}`,
    });
  }
}

/** 2-D convolution of [N, C, H, W] or [C, H, W]. */
export class Conv2d extends Module {
  static override readonly kind: string = 'Conv2d';
  /** For nn/snapshot.ts: what lies in private fields never changes. */
  static readonly constantPrivates: boolean = true;
  /** [outChannels, inChannels / groups, KH, KW] */
  readonly weight: Parameter;
  /** [outChannels], or null */
  readonly bias: Parameter | null;
  readonly #numbers: ConvNumbers;
  readonly #paddingMode: PaddingMode;

  /**
   * @throws {@link ArgumentError} for numbers that cannot be right
   * @throws {@link UnsupportedError} for circular padding
   */
  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dLayerOptions = {}) {
    super();
    const op = 'Conv2d';
    checkOptions(options, op, ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode']);
    whole(inChannels, op, 'inChannels', 1);
    whole(outChannels, op, 'outChannels', 1);
    const kernel = pair(kernelSize, op, 'kernelSize', 1);
    this.#numbers = convNumbers(kernel, options, op);
    const { groups } = this.#numbers;
    divisible({ inChannels, outChannels, groups }, op);
    this.#paddingMode = paddingModeOf(options.paddingMode ?? 'zeros', op);
    this.weight = new Parameter([outChannels, inChannels / groups, ...kernel]);
    this.bias = flag(options.bias, op, 'bias', true) ? new Parameter([outChannels]) : null;
  }

  /** @throws {@link ShapeError} for a wrong rank, wrong channels, or a kernel larger than the padded input */
  override forward(x: Value): Value {
    return inModule(this, () =>
      convolve(x, this.weight, this.bias, this.#numbers, this.#paddingMode, 'Conv2d'),
    );
  }
}

export interface ConvTranspose2dLayerOptions {
  /** Default 1. */
  readonly stride?: Pair;
  /** Rows and columns cut off each side (default 0). */
  readonly padding?: Pair;
  /** Rows and columns added at the end, below the stride or the dilation (default 0). */
  readonly outputPadding?: Pair;
  /** Divides both numbers of channels: each output reads its group's inputs (default 1). */
  readonly groups?: number;
  /** Whether there is a bias (default true). */
  readonly bias?: boolean;
  /** Default 1. */
  readonly dilation?: Pair;
  /** Only 'zeros', as in PyTorch. */
  readonly paddingMode?: 'zeros';
}

/** Transposed 2-D convolution of [N, C, H, W] or [C, H, W]. */
export class ConvTranspose2d extends Module {
  static override readonly kind: string = 'ConvTranspose2d';
  /** For nn/snapshot.ts: what lies in private fields never changes. */
  static readonly constantPrivates: boolean = true;
  /** [inChannels, outChannels / groups, KH, KW] */
  readonly weight: Parameter;
  /** [outChannels], or null */
  readonly bias: Parameter | null;
  readonly #numbers: ConvTranspose;

  /**
   * @throws {@link ArgumentError} for numbers that cannot be right
   * @throws {@link UnsupportedError} for a padding mode other than 'zeros'
   */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    options: ConvTranspose2dLayerOptions = {},
  ) {
    super();
    const op = 'ConvTranspose2d';
    checkOptions(options, op, [
      'stride',
      'padding',
      'outputPadding',
      'groups',
      'bias',
      'dilation',
      'paddingMode',
    ]);
    whole(inChannels, op, 'inChannels', 1);
    whole(outChannels, op, 'outChannels', 1);
    const kernel = pair(kernelSize, op, 'kernelSize', 1);
    this.#numbers = convTransposeNumbers(options, op);
    const { groups } = this.#numbers;
    divisible({ inChannels, outChannels, groups }, op);
    if (paddingModeOf(options.paddingMode ?? 'zeros', op) !== 'zeros') {
      throw new UnsupportedError('padding mode of a transposed convolution', {
        op,
        got: shown(options.paddingMode),
        wanted: "'zeros'",
      });
    }
    this.weight = new Parameter([inChannels, outChannels / groups, ...kernel]);
    this.bias = flag(options.bias, op, 'bias', true) ? new Parameter([outChannels]) : null;
  }

  /** @throws {@link ShapeError} for a wrong rank or wrong channels */
  override forward(x: Value): Value {
    return inModule(this, () =>
      convolveTransposed(x, this.weight, this.bias, this.#numbers, 'ConvTranspose2d'),
    );
  }
}
