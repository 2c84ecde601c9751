/** CycleGANGenerator: the residual generator of CycleGAN with reflection padding at both ends. */

import { checkOptions, whole } from '../check.js';
import type { Value } from '../graph/value.js';
import { Sequential } from '../nn/containers.js';
import { Tanh } from '../nn/layers/activation.js';
import { Conv2d, ConvTranspose2d } from '../nn/layers/conv.js';
import { ReflectionPad2d } from '../nn/layers/pad.js';
import { Module } from '../nn/module.js';
import { convInstanceRelu, ResidualBlock } from './style_transfer_network.js';

export interface CycleGANGeneratorOptions {
  /** Channels in (default 3). */
  readonly inputNc?: number;
  /** Channels out (default 3). */
  readonly outputNc?: number;
  /** Channels of the first layer (default 64). */
  readonly ngf?: number;
  /** Residual blocks (default 9). */
  readonly nBlocks?: number;
}

/** [N, inputNc, H, W] in -1..1 to [N, outputNc, H, W] (sizes that 4 does not divide grow to the next multiple). */
export class CycleGANGenerator extends Module {
  static override readonly kind: string = 'CycleGANGenerator';
  readonly model: Sequential;

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(options: CycleGANGeneratorOptions = {}) {
    super();
    const op = 'CycleGANGenerator';
    checkOptions(options, op, ['inputNc', 'outputNc', 'ngf', 'nBlocks']);
    const inputNc = whole(options.inputNc ?? 3, op, 'inputNc', 1);
    const outputNc = whole(options.outputNc ?? 3, op, 'outputNc', 1);
    const ngf = whole(options.ngf ?? 64, op, 'ngf', 1);
    const nBlocks = whole(options.nBlocks ?? 9, op, 'nBlocks', 0);
    const down = { stride: 2, padding: 1, bias: false };
    const up = { stride: 2, padding: 1, outputPadding: 1, bias: false };
    this.model = new Sequential(
      new ReflectionPad2d(3),
      ...convInstanceRelu(new Conv2d(inputNc, ngf, 7, { bias: false }), ngf),
      ...convInstanceRelu(new Conv2d(ngf, ngf * 2, 3, down), ngf * 2),
      ...convInstanceRelu(new Conv2d(ngf * 2, ngf * 4, 3, down), ngf * 4),
      ...Array.from({ length: nBlocks }, () => new ResidualBlock(ngf * 4)),
      ...convInstanceRelu(new ConvTranspose2d(ngf * 4, ngf * 2, 3, up), ngf * 2),
      ...convInstanceRelu(new ConvTranspose2d(ngf * 2, ngf, 3, up), ngf),
      new ReflectionPad2d(3),
      new Conv2d(ngf, outputNc, 7),
      new Tanh(),
    );
  }

  override forward(x: Value): Value {
    return this.model.forward(x);
  }
}
