// Engines for tests: made by option, always ended.
import { Engine, type EngineOptions, type PaintModel, type PictureContract, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { onTestFinished } from 'vitest';

/** An engine that ends with the test. */
export async function engineFor(options: EngineOptions = {}): Promise<Engine> {
  const engine = await Engine.create(options);
  onTestFinished(() => engine.dispose());
  return engine;
}

/** Numbers from -1 to 1 that look random and are always the same. */
export function noise(shape: readonly number[], seed = 1): Tensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  let state = seed;
  for (let index = 0; index < data.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[index] = state / 2 ** 31 - 1;
  }
  return Tensor.from(data, shape);
}

/** A small network with weights: two convolutions and an instance norm. */
export class SmallNet extends nn.Module {
  static override readonly kind = 'SmallNet';
  readonly first: nn.Conv2d;
  readonly norm: nn.InstanceNorm2d;
  readonly last: nn.Conv2d;

  constructor(channels = 8, seed = 1) {
    super();
    this.first = new nn.Conv2d(3, channels, 3, { padding: 1 });
    this.norm = new nn.InstanceNorm2d(channels, { affine: true });
    this.last = new nn.Conv2d(channels, 3, 3, { padding: 1 });
    this.loadStateDict(weightsFor(this, seed));
  }

  override forward(x: nn.Value): nn.Value {
    return this.last.forward(this.norm.forward(this.first.forward(x)).relu());
  }
}

/** A state dict of noise for any module. */
export function weightsFor(module: nn.Module, seed: number): Map<string, Tensor> {
  return new Map(
    [...module.stateDict()].map(([key, { shape }], index) => [key, noise(shape, seed * 1000 + index)]),
  );
}

/** The network as a model that paints. */
export const modelOf = (network: nn.Module, pictures: PictureContract = {}): PaintModel => ({
  network,
  pictures,
});

/** Work of about a second on a busy core: 3x3 convolutions of the same size, 1.2 GFLOP each. */
export class SlowNet extends nn.Module {
  static override readonly kind = 'SlowNet';
  readonly conv: nn.Conv2d;
  readonly times: number;

  constructor(times = 12) {
    super();
    this.times = times;
    this.conv = new nn.Conv2d(64, 64, 3, { padding: 1 });
    this.loadStateDict(weightsFor(this, 5));
  }

  override forward(x: nn.Value): nn.Value {
    let y = x;
    for (let time = 0; time < this.times; time++) y = this.conv.forward(y).tanh();
    return y;
  }
}

export const slowInput = (): Tensor => noise([1, 64, 128, 128]);
