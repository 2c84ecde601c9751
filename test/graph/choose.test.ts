/** choose: which convolutions become Winograd's, by which algorithm, why, and what becomes of transformed weights. */
import { describe, expect, test } from 'vitest';
import { choose, MOST_TRANSFORMED_BYTES, PART_TRANSFORMED_BYTES } from '../../dist/graph/choose.js';
import { compileGraph } from '../../dist/graph/compile.js';
import { fuse } from '../../dist/graph/fuse.js';
import { lower } from '../../dist/graph/lower.js';
import { simplify } from '../../dist/graph/simplify.js';
import { CycleGANGenerator, StyleTransferNetwork } from '../../dist/networks/index.js';
import * as nn from '../../dist/nn/index.js';
import { trace } from './build.js';

type Target = Parameters<typeof trace>[0];

const chosen = (target: Target, shape: readonly number[], precision: 'high' | 'highest' = 'high') =>
  choose(fuse(lower(simplify(trace(target, shape)))), { precision });
const algorithms = (target: Target, shape: readonly number[], precision: 'high' | 'highest' = 'high') =>
  chosen(target, shape, precision).choices.map(({ algorithm }) => algorithm);

const SQUARE = [1, 32, 32, 32];

describe('one convolution', () => {
  test('3x3 of enough channels becomes conv_winograd, with all that it had', () => {
    const target = new nn.Sequential(
      new nn.ReflectionPad2d([1, 2, 0, 3]),
      new nn.Conv2d(32, 32, 3),
      new nn.ReLU(),
    );
    const { graph, choices } = chosen(target, SQUARE);
    expect(choices).toHaveLength(1);
    expect(graph.nodes).toHaveLength(1);
    expect(graph.nodes[0]).toMatchObject({
      op: 'conv_winograd',
      attributes: {
        algorithm: 'F(4x5, 3x3)',
        padding: [0, 3, 1, 2],
        paddingMode: 'reflect',
        program: [{ step: 'relu', args: [] }],
        weights: 'transformed once',
      },
    });
    const names = graph.nodes[0]?.inputs.slice(1, 3).map((id) => graph.values[id ?? -1]?.name);
    expect(names).toEqual(['1.weight', '1.bias']);
  });

  test('and what it does for the normalisations around it', () => {
    const target = new nn.Sequential(
      new nn.Conv2d(32, 32, 3),
      new nn.InstanceNorm2d(32),
      new nn.ReLU(),
      new nn.Conv2d(32, 32, 3),
    );
    const { graph } = chosen(target, SQUARE);
    expect(graph.nodes.map(({ op }) => op)).toEqual(['conv_winograd', 'statistics', 'conv_winograd']);
    const [first, statistics, second] = graph.nodes;
    expect(first?.outputs).toHaveLength(2);
    expect(first?.outputs[1]).toBe(statistics?.inputs[0]);
    expect(second).toMatchObject({ attributes: { load: 'affine', loadProgram: [{ step: 'relu' }] } });
    expect([second?.inputs[0], second?.inputs[3]]).toEqual([first?.outputs[0], statistics?.outputs[0]]);
  });

  test.each([
    ['a 5x1 kernel', new nn.Conv2d(32, 32, [5, 1])],
    ['a 3x3 kernel with stride 2x1', new nn.Conv2d(32, 32, 3, { stride: [2, 1] })],
    ['a 5x5 kernel with stride 2x2', new nn.Conv2d(32, 32, 5, { stride: 2 })],
    ['dilation 1x2', new nn.Conv2d(32, 32, 3, { dilation: [1, 2] })],
    ['1025 channels, too many for the error that is promised', new nn.Conv2d(1025, 32, 3)],
  ])('%s stays direct', (why, layer) => {
    const { graph, choices } = chosen(layer, [1, layer.weight.shape[1] ?? 0, 20, 20]);
    expect(choices).toMatchObject([{ algorithm: 'direct', why }]);
    expect(graph.nodes[0]?.op).toBe('conv2d');
  });

  test.each([
    ['2 groups of 32 to 32 channels', new nn.Conv2d(64, 64, 3, { groups: 2 })],
    [
      '32 groups of 2 to 1 channels, as 8 of 8 to 4 with zeros in the weight',
      new nn.Conv2d(64, 32, 3, { groups: 32 }),
    ],
    [
      '2 groups of 32 to 3 channels, as 1 of 64 to 6 with zeros in the weight',
      new nn.Conv2d(64, 6, 3, { groups: 2 }),
    ],
  ])('%s are computed directly', (why, layer) => {
    const { graph, choices } = chosen(layer, [1, 64, 20, 20]);
    expect(choices).toMatchObject([{ algorithm: 'direct', why }]);
    expect(graph.nodes[0]?.op).toBe('conv2d');
  });

  test.each([
    ['4 groups, as zeros of a dense weight', { groups: 4 }],
    ['dilation 2x1, as zeros of a dense weight', { dilation: [2, 1] }],
    ['2 groups and dilation 2x2, as zeros of a dense weight', { groups: 2, dilation: 2 }],
  ] as const)('transposed: %s', (why, options) => {
    const layer = new nn.ConvTranspose2d(32, 32, 3, { stride: 2, padding: 1, ...options });
    const { graph, choices } = chosen(layer, [1, 32, 20, 20]);
    expect(choices).toMatchObject([{ algorithm: 'direct', why }]);
    expect(graph.nodes[0]?.op).toBe('conv_transpose2d');
  });

  test('a group a channel is depthwise, and takes over what is around it', () => {
    const conv = () => new nn.Conv2d(32, 32, 3, { groups: 32, padding: 1, paddingMode: 'reflect' });
    const net = new nn.Sequential(conv(), new nn.InstanceNorm2d(32), new nn.ReLU(), conv(), new nn.Tanh());
    const { graph, choices } = chosen(net, SQUARE);
    expect(choices).toMatchObject([{ algorithm: 'depthwise' }, { algorithm: 'depthwise' }]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(['conv_depthwise', 'statistics', 'conv_depthwise']);
    expect(graph.nodes[0]?.outputs[1]).toBe(graph.nodes[1]?.inputs[0]);
    expect(graph.nodes[2]).toMatchObject({
      attributes: { load: 'affine', loadProgram: [{ step: 'relu' }], program: [{ step: 'tanh' }] },
    });
  });

  test.each([
    ['a transposed 4x4 kernel', new nn.ConvTranspose2d(32, 32, 4, { stride: 2, padding: 1 })],
    ['transposed with stride 1x2', new nn.ConvTranspose2d(32, 32, 3, { stride: [1, 2], padding: 1 })],
    ['transposed with padding 0x0', new nn.ConvTranspose2d(32, 32, 3, { stride: 2 })],
  ])('%s stays direct', (why, layer) => {
    const { graph, choices } = chosen(layer, [1, 32, 20, 20]);
    expect(choices).toMatchObject([{ algorithm: 'direct', why }]);
    expect(graph.nodes[0]?.op).toBe('conv_transpose2d');
  });

  test.each([
    ['F(4x5, 3x3)', new nn.Conv2d(160, 64, 3, { padding: 1 }), 160],
    ['F(4x4, 3x3)', new nn.Conv2d(161, 64, 3, { padding: 1 }), 161],
    ['F(3x3, 3x3)', new nn.Conv2d(257, 64, 3, { padding: 1 }), 257],
    ['F(3x3, 3x3)', new nn.Conv2d(32, 32, 5, { padding: 2 }), 32],
    ['F(3x3, 3x3)', new nn.Conv2d(3, 32, 9, { padding: 4 }), 3],
    ['F(4x4, 4x4)', new nn.Conv2d(128, 3, 7, { padding: 3 }), 128],
    ['F(5x3, 5x3)', new nn.Conv2d(48, 3, 9, { padding: 4 }), 48],
    ['F(3x3, 3x3)', new nn.Conv2d(49, 3, 9, { padding: 4 }), 49],
    ['F(4x4, 4x4)', new nn.Conv2d(3, 64, 7, { padding: 3 }), 3],
    ['F(4x4, 3x3) / 2', new nn.Conv2d(64, 128, 3, { stride: 2, padding: 1 }), 64],
    ['F(8x8, 3x3) * 2', new nn.ConvTranspose2d(128, 64, 3, { stride: 2, padding: 1, outputPadding: 1 }), 128],
  ])('%s is found', (algorithm, layer, channels) => {
    expect(algorithms(layer, [1, channels, 64, 64])).toEqual([algorithm]);
  });

  test.each([
    [3, 32, 64],
    [32, 3, 64],
    [4, 4, 64],
    [16, 16, 2],
  ])('%i to %i channels at %i px stay direct: the transforms cost more than they save', (c, o, side) => {
    expect(algorithms(new nn.Conv2d(c, o, 3, { padding: 1 }), [1, c, side, side])).toEqual(['direct']);
  });

  test("precision 'highest' keeps all direct", () => {
    expect(algorithms(new nn.Conv2d(32, 32, 3), SQUARE)).toEqual(['F(4x5, 3x3)']);
    expect(algorithms(new nn.Conv2d(32, 32, 3), SQUARE, 'highest')).toEqual(['direct']);
  });
});

describe('transformed weights', () => {
  test('the style network keeps them: 42 products a weight of its residual blocks', () => {
    const { graph, ...rest } = chosen(new StyleTransferNetwork(), [1, 3, 256, 256]);
    const residual = rest.choices.filter(({ name }) => name.startsWith('residual'));
    expect(residual.map(({ algorithm }) => algorithm)).toEqual(Array(10).fill('F(4x5, 3x3)'));
    expect(rest.transformed_bytes).toBeGreaterThan(10 * 128 * 128 * 42 * 4);
    expect(rest.kept_bytes).toBe(rest.transformed_bytes);
    expect(graph.nodes.some(({ op }) => op === 'conv2d')).toBe(false);
  });

  test('the CycleGAN generator has too many: the largest are transformed in each run, from the weights of the direct kernel', () => {
    const network = new CycleGANGenerator();
    const { graph, ...rest } = chosen(network, [1, 3, 256, 256]);
    expect(rest.transformed_bytes).toBeGreaterThan(MOST_TRANSFORMED_BYTES);
    expect(rest.kept_bytes).toBeLessThanOrEqual(PART_TRANSFORMED_BYTES);
    const one = 256 * 256 * 36 * 4;
    expect(rest.kept_bytes + one).toBeGreaterThan(PART_TRANSFORMED_BYTES);
    const anew = graph.nodes.filter(
      (node) => node.op === 'conv_winograd' && node.attributes.weights === 'transformed in each run',
    );
    expect(anew.length * one).toBe(rest.transformed_bytes - rest.kept_bytes);
    expect(anew.every(({ name }) => name.includes('.block.'))).toBe(true);
  });

  test('weights that cannot be made anew are kept beside too many others', () => {
    const layers = new nn.Sequential(
      new nn.ConvTranspose2d(512, 256, 3, { stride: 2, padding: 1, outputPadding: 1 }),
      new nn.Conv2d(256, 512, 3, { padding: 1 }),
      new nn.Conv2d(512, 512, 3, { padding: 1 }),
      new nn.Conv2d(512, 512, 3, { padding: 1 }),
    );
    const { graph, choices, kept_bytes, ...rest } = chosen(layers, [1, 512, 16, 16]);
    expect(rest.transformed_bytes).toBeGreaterThan(MOST_TRANSFORMED_BYTES);
    expect(choices.map(({ algorithm }) => algorithm)).not.toContain('direct');
    expect(kept_bytes).toBe(512 * 256 * 36 * 4);
    expect(kept_bytes).toBeGreaterThan(PART_TRANSFORMED_BYTES);
    expect(rest.most_kept_bytes).toBe(kept_bytes);
    const anew = graph.nodes.filter(
      (node) => node.op === 'conv_winograd' && node.attributes.weights === 'transformed in each run',
    );
    expect(anew).toHaveLength(3);
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
      expect.stringMatching(/^ {2}0: F\(4x5, 3x3\) {2}# costs 0\.\d\d of direct$/),
      '  1: direct  # a 1x1 kernel',
      `  transformed weights: ${32 * 32 * 42 * 4} bytes kept of at most 67108864, the smallest first; 0 transformed in each run`,
    ]),
  );
});
