// The axes table: each normalisation of the kernels against the same written out with mean and var over its axes.
import { Tensor } from 'gouache';
import * as nn from 'gouache/nn';

const [N, C, H, W, G] = [2, 6, 8, 10, 3];
const EPS = 1e-5;
const TOLERANCE = 1e-5;

/** @typedef {import('gouache/nn').Value} Value */

/**
 * (x - mean) / sqrt(var + eps) over `axes`.
 * @param {Value} x
 * @param {readonly number[]} axes
 */
function standardize(x, axes) {
  const mean = x.mean(axes, { keepdim: true });
  const variance = x.var(axes, { keepdim: true, unbiased: false });
  return x.sub(mean).div(variance.add(EPS).sqrt());
}

const ROWS = [
  {
    name: 'batch',
    statistics: 'C',
    over: 'N, H, W',
    count: C,
    layer: new nn.BatchNorm2d(C, { affine: false, trackRunningStats: false }),
    byHand: (/** @type {Value} */ x) => standardize(x, [0, 2, 3]),
  },
  {
    name: 'layer',
    statistics: 'N',
    over: 'C, H, W',
    count: N,
    layer: new nn.LayerNorm([C, H, W], { elementwiseAffine: false }),
    byHand: (/** @type {Value} */ x) => standardize(x, [1, 2, 3]),
  },
  {
    name: 'instance',
    statistics: 'N x C',
    over: 'H, W',
    count: N * C,
    layer: new nn.InstanceNorm2d(C),
    byHand: (/** @type {Value} */ x) => standardize(x, [2, 3]),
  },
  {
    name: 'group',
    statistics: 'N x G',
    over: 'C/G, H, W',
    count: N * G,
    layer: new nn.GroupNorm(G, C, { affine: false }),
    byHand: (/** @type {Value} */ x) => standardize(x.view(N, G, (C / G) * H * W), [2]).view(N, C, H, W),
  },
];

/**
 * Prints the table.
 * @param {import('gouache').Engine} engine
 * @returns {Promise<boolean>} whether every kernel agrees with its axes
 */
export async function printAxes(engine) {
  const data = Float32Array.from(
    { length: N * C * H * W },
    (_, i) => Math.floor(i / (H * W)) + Math.sin(i * i),
  );
  const x = Tensor.from(data, [N, C, H, W]);
  console.log(
    `1. Which axes share one mean and one variance (x is [N, C, H, W] = [${N}, ${C}, ${H}, ${W}], G = ${G})\n`,
  );
  console.log('   norm      statistics per  averaged over  how many  kernel - by hand');
  let agree = true;
  for (const { name, statistics, over, count, layer, byHand } of ROWS) {
    const kernel = (await engine.run(layer, x)).data;
    const written = (await engine.run(byHand, x)).data;
    const difference = kernel.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (written[i] ?? Number.NaN))),
      0,
    );
    agree &&= difference <= TOLERANCE;
    const cells = [name.padEnd(8), statistics.padEnd(14), over.padEnd(13), String(count).padEnd(8)];
    console.log(`   ${cells.join('  ')}  ${difference.toExponential(1)}`);
  }
  return agree;
}
