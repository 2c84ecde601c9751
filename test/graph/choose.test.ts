/** choose: which convolutions become Winograd's, why, and what becomes of transformed weights. */
import { describe, expect, test } from 'vitest';
import { choose, MOST_TRANSFORMED_BYTES } from '../../dist/graph/choose.js';
import { compileGraph } from '../../dist/graph/compile.js';
import { fuse } from '../../dist/graph/fuse.js';
import { CycleGANGenerator, StyleTransferNetwork } from '../../dist/networks/index.js';
import * as nn from '../../dist/nn/index.js';
import { trace } from './build.js';

type Target = Parameters<typeof trace>[0];

const chosen = (target: Target, shape: readonly number[], precision: 'high' | 'highest' = 'high') =>
  choose(fuse(trace(target, shape)), { precision });
const algorithms = (target: Target, shape: readonly number[], precision: 'high' | 'highest' = 'high') =>
  chosen(target, shape, precision).choices.map(({ algorithm }) => algorithm);

const SQUARE = [1, 32, 20, 20];

describe('one convolution', () => {
  test('3x3 of enough channels becomes conv2d_winograd, with all that it had', () => {
    const target = new nn.Sequential(
      new nn.ReflectionPad2d([1, 2, 0, 3]),
      new nn.Conv2d(32, 32, 3),
      new nn.ReLU(),
    );
    const { graph, choices } = chosen(target, SQUARE);
    expect(choices).toHaveLength(1);
    expect(graph.nodes).toHaveLength(1);
    expect(graph.nodes[0]).toMatchObject({
      op: 'conv2d_winograd',
      attributes: {
        padding: [0, 3, 1, 2],
        paddingMode: 'reflect',
        activation: 'relu',
        weights: 'transformed once',
      },
    });
    expect(Object.keys(graph.nodes[0]?.weights ?? {}).sort()).toEqual(['bias', 'weight']);
  });

  test('and what it does for the normalisations around it', () => {
    const target = new nn.Sequential(
      new nn.Conv2d(32, 32, 3),
      new nn.InstanceNorm2d(32),
      new nn.ReLU(),
      new nn.Conv2d(32, 32, 3),
    );
    const { graph } = chosen(target, SQUARE);
    expect(graph.nodes.map(({ op }) => op)).toEqual(['conv2d_winograd', 'statistics', 'conv2d_winograd']);
    const [first, statistics, second] = graph.nodes;
    expect(first?.moments).toBe(statistics?.inputs[0]);
    expect(second).toMatchObject({
      inputs: [first?.output, statistics?.output],
      attributes: { load: 'normalized-relu' },
    });
  });

  test.each([
    ['a 5x5 kernel', new nn.Conv2d(32, 32, 5)],
    ['a 3x1 kernel', new nn.Conv2d(32, 32, [3, 1])],
    ['stride 2x1', new nn.Conv2d(32, 32, 3, { stride: [2, 1] })],
    ['dilation 1x2', new nn.Conv2d(32, 32, 3, { dilation: [1, 2] })],
    ['257 channels, too many for the error that is promised', new nn.Conv2d(257, 32, 3)],
  ])('%s stays direct', (why, layer) => {
    const { graph, choices } = chosen(layer, [1, layer.weight.shape[1] ?? 0, 20, 20]);
    expect(choices).toMatchObject([{ algorithm: 'direct', why }]);
    expect(graph.nodes[0]?.op).toBe('conv2d');
  });

  test.each([
    [3, 32, 64],
    [32, 3, 64],
    [8, 8, 64],
    [128, 128, 4],
    [16, 16, 2],
  ])('%i to %i channels at %i px stay direct: the transforms cost more than they save', (c, o, side) => {
    expect(algorithms(new nn.Conv2d(c, o, 3, { padding: 1 }), [1, c, side, side])).toEqual(['direct']);
  });

  test("precision 'highest' keeps all direct", () => {
    expect(algorithms(new nn.Conv2d(32, 32, 3), SQUARE)).toEqual(['winograd']);
    expect(algorithms(new nn.Conv2d(32, 32, 3), SQUARE, 'highest')).toEqual(['direct']);
  });
});

describe('transformed weights', () => {
  test('the style network keeps them: 36 products a weight of 3x3', () => {
    const { choices, ...rest } = chosen(new StyleTransferNetwork(), [1, 3, 256, 256]);
    expect(choices.filter(({ algorithm }) => algorithm === 'winograd')).toHaveLength(10);
    expect(rest).toMatchObject({
      transformed_bytes: 10 * 128 * 128 * 36 * 4,
      extra_bytes: 10 * 128 * 128 * 27 * 4,
      keepsTransformed: true,
    });
  });

  test('the CycleGAN generator has too many: each run transforms them, from the weights of the direct kernel', () => {
    const network = new CycleGANGenerator();
    const { graph, ...rest } = chosen(network, [1, 3, 256, 256]);
    expect(rest).toMatchObject({ keepsTransformed: false, extra_bytes: 0 });
    expect(rest.transformed_bytes).toBeGreaterThan(MOST_TRANSFORMED_BYTES);
    const winograd = graph.nodes.filter(({ op }) => op === 'conv2d_winograd');
    expect(winograd).toHaveLength(18);
    for (const node of winograd)
      expect(node.attributes).toMatchObject({ weights: 'transformed in each run' });
  });
});

test('explain names the algorithm of each convolution, its reason, and the rule of the weights', () => {
  const layer = new nn.Sequential(new nn.Conv2d(32, 32, 3), new nn.Conv2d(32, 3, 1));
  const zeros = Object.fromEntries(
    [...layer.stateDict()].map(([key, { shape }]) => [
      key,
      { bytes: new Uint8Array(4), dtype: 'F32' as const, shape, strides: shape.map(() => 0) },
    ]),
  );
  layer.loadStateDict(zeros);
  const { explain } = compileGraph(trace(layer, SQUARE));
  expect(explain().split('\n').slice(explain().split('\n').indexOf("chosen for precision 'high' {"))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^ {2}0: winograd {2}# winograd costs 0\.\d\d of direct$/),
      '  1: direct  # a 1x1 kernel',
      `  transformed weights: ${32 * 32 * 36 * 4} bytes of at most 67108864, transformed once`,
    ]),
  );
});
