/** StyleTransferNetwork: Johnson et al.'s fast style transfer with instance norm, and the residual block that its kin share. */

import { whole } from '../check.js';
import { input } from '../graph/methods/operand.js';
import type { Value } from '../graph/value.js';
import { Sequential } from '../nn/containers.js';
import { ReLU, Tanh } from '../nn/layers/activation.js';
import { Conv2d, ConvTranspose2d } from '../nn/layers/conv.js';
import { InstanceNorm2d } from '../nn/layers/norm.js';
import { Module } from '../nn/module.js';

/** A convolution, instance norm with weights, and ReLU. */
export function convInstanceRelu(conv: Conv2d | ConvTranspose2d, channels: number): [Module, Module, Module] {
  return [conv, new InstanceNorm2d(channels, { affine: true }), new ReLU({ inplace: true })];
}

/** x + block(x), the block being two 3x3 convolutions with instance norm. */
export class ResidualBlock extends Module {
  static override readonly kind: string = 'ResidualBlock';
  readonly block: Sequential;

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(channels: number) {
    super();
    whole(channels, 'ResidualBlock', 'channels', 1);
    const conv = (): Conv2d => new Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.block = new Sequential(
      ...convInstanceRelu(conv(), channels),
      conv(),
      new InstanceNorm2d(channels, { affine: true }),
    );
  }

  override forward(x: Value): Value {
    const value = input(x, 'ResidualBlock');
    return value.add(this.block.forward(value));
  }
}

/** [N, 3, H, W] in -1..1 to a painting of the same size (sizes that 4 does not divide grow to the next multiple). */
export class StyleTransferNetwork extends Module {
  static override readonly kind: string = 'StyleTransferNetwork';
  readonly encoder: Sequential;
  readonly residual: Sequential;
  readonly decoder: Sequential;

  constructor() {
    super();
    const down = { stride: 2, padding: 1, bias: false };
    const up = { stride: 2, padding: 1, outputPadding: 1, bias: false };
    this.encoder = new Sequential(
      ...convInstanceRelu(new Conv2d(3, 32, 9, { padding: 4, bias: false }), 32),
      ...convInstanceRelu(new Conv2d(32, 64, 3, down), 64),
      ...convInstanceRelu(new Conv2d(64, 128, 3, down), 128),
    );
    this.residual = new Sequential(...Array.from({ length: 5 }, () => new ResidualBlock(128)));
    this.decoder = new Sequential(
      ...convInstanceRelu(new ConvTranspose2d(128, 64, 3, up), 64),
      ...convInstanceRelu(new ConvTranspose2d(64, 32, 3, up), 32),
      new Conv2d(32, 3, 9, { padding: 4 }),
      new Tanh(),
    );
  }

  override forward(x: Value): Value {
    return this.decoder.forward(this.residual.forward(this.encoder.forward(x)));
  }
}
