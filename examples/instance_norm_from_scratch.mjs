// Instance normalisation written out with mean and var, and compared with the kernel's.
//
//     node examples/instance_norm_from_scratch.mjs        (after npm start or npm run build)
import { fileURLToPath } from 'node:url';
import { Engine, Tensor } from 'gouache';
import * as nn from 'gouache/nn';

/** nn.InstanceNorm2d(C, { affine: true }), by hand. */
export class InstanceNorm2d extends nn.Module {
  /**
   * @param {number} C channels
   * @param {{ eps?: number }} [options]
   */
  constructor(C, { eps = 1e-5 } = {}) {
    super();
    this.C = C;
    this.eps = eps;
    this.gamma = new nn.Parameter(Tensor.from(new Float32Array(C).fill(1), [C]));
    this.beta = new nn.Parameter(Tensor.from(new Float32Array(C), [C]));
  }

  /**
   * @override
   * @param {import('gouache/nn').Value} x [N, C, H, W]
   */
  forward(x) {
    const { C, eps, gamma, beta } = this;
    // Over height and width only: every picture of the batch and every channel has its own two numbers.
    const mean = x.mean([2, 3], { keepdim: true }); // [N, C, 1, 1]
    const variance = x.var([2, 3], { keepdim: true, unbiased: false }); // [N, C, 1, 1]
    const normalized = x.sub(mean).div(variance.add(eps).sqrt());
    // The learnt scale and shift of a channel, the same for all pictures.
    const scaled = gamma.view(1, C, 1, 1).mul(normalized);
    return scaled.add(beta.view(1, C, 1, 1));
  }
}

/** Largest difference that counts as the same. */
export const TOLERANCE = 1e-5;

/**
 * Runs the one above and nn.InstanceNorm2d on the same numbers with the same weights.
 * @param {Engine} engine
 * @param {readonly number[]} shape [N, C, H, W]
 * @returns {Promise<number>} the largest absolute difference
 */
export async function largestDifference(engine, shape) {
  const C = shape[1] ?? 1;
  const count = shape.reduce((product, size) => product * size, 1);
  const x = Tensor.from(
    Float32Array.from({ length: count }, (_, i) => 3 + 2 * Math.sin(i * i)),
    shape,
  );
  const gamma = Tensor.from(
    Array.from({ length: C }, (_, c) => 1 + 0.1 * c),
    [C],
  );
  const beta = Tensor.from(
    Array.from({ length: C }, (_, c) => 0.2 * c - 0.3),
    [C],
  );

  const fromScratch = new InstanceNorm2d(C);
  fromScratch.loadStateDict({ gamma, beta });
  const builtIn = new nn.InstanceNorm2d(C, { affine: true });
  builtIn.loadStateDict({ weight: gamma, bias: beta });

  const a = (await engine.run(fromScratch, x)).data;
  const b = (await engine.run(builtIn, x)).data;
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const engine = await Engine.create();
  for (const shape of [
    [1, 3, 32, 32],
    [2, 5, 17, 23],
    [3, 64, 9, 1],
  ]) {
    const difference = await largestDifference(engine, shape);
    const same = difference <= TOLERANCE;
    console.log(
      `[${shape.join(', ')}]: from scratch and nn.InstanceNorm2d differ by ${difference.toExponential(1)} at most`,
    );
    if (!same) process.exitCode = 1;
  }
  await engine.dispose();
}
