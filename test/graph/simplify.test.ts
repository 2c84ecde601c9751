/** simplify: rewrites that need to know what operators mean. */
import { describe, expect, test } from 'vitest';
import { stageGraph } from '../../dist/graph/compile.js';
import { constantsOf, type Graph } from '../../dist/graph/graph.js';
import type { Operators } from '../../dist/graph/operators/index.js';
import { simplifications, simplify } from '../../dist/graph/simplify.js';
import * as nn from '../../dist/nn/index.js';
import { isSound, ops, trace } from './build.js';

const PICTURE = [1, 4, 9, 9] as const;

function rewrite(name: string, graph: Graph<Operators>): Graph<Operators> {
  const found = simplifications.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no simplification ${name}`);
  return found.apply(graph);
}

describe('pad-into-conv', () => {
  const apply = (net: nn.Module) => rewrite('pad-into-conv', trace(net, PICTURE));
  const conv = (options: nn.Conv2dLayerOptions = {}) => new nn.Conv2d(4, 4, 3, options);

  test.each([
    ['reflect', new nn.ReflectionPad2d([1, 2, 3, 0]), conv(), 'reflect', [3, 0, 1, 2]],
    ['replicate', new nn.ReplicationPad2d(2), conv(), 'replicate', [2, 2, 2, 2]],
    ['zeros add up', new nn.ZeroPad2d([1, 2, 3, 4]), conv({ padding: 1 }), 'zeros', [4, 5, 2, 3]],
  ])('%s', (_, pad, layer, paddingMode, padding) => {
    const graph = apply(new nn.Sequential(pad, layer));
    expect(ops(graph)).toEqual(['conv']);
    expect(graph.nodes[0]?.attributes).toMatchObject({ paddingMode, padding });
    expect(isSound(graph)).toBe(true);
  });

  test.each([
    ['reflection in front of zero padding', new nn.ReflectionPad2d(1), conv({ padding: 1 })],
    ['zeros in front of reflection', new nn.ZeroPad2d(1), conv({ padding: 1, paddingMode: 'reflect' })],
    ['another constant', new nn.ConstantPad2d(1, 0.5), conv()],
    ['a crop', new nn.ZeroPad2d(-1), conv()],
  ])('not %s', (_, pad, layer) => {
    expect(ops(apply(new nn.Sequential(pad, layer)))).toEqual(['pad', 'conv']);
  });
});

describe('drop-bias-before-normalize', () => {
  const hasBias = (norm: nn.Module) => {
    const graph = rewrite(
      'drop-bias-before-normalize',
      trace(new nn.Sequential(new nn.Conv2d(4, 4, 3), norm), PICTURE),
    );
    const [conv] = graph.nodes;
    expect(conv?.op).toBe('conv');
    return conv?.inputs[2] != null;
  };

  test('instance norm, and batch norm by the batch', () => {
    expect(hasBias(new nn.InstanceNorm2d(4))).toBe(false);
    expect(hasBias(new nn.GroupNorm(4, 4))).toBe(false);
    expect(hasBias(new nn.BatchNorm2d(4, { trackRunningStats: false }))).toBe(false);
  });

  test('not where statistics are stored or span channels', () => {
    expect(hasBias(new nn.BatchNorm2d(4).eval())).toBe(true);
    expect(hasBias(new nn.GroupNorm(2, 4))).toBe(true);
    expect(hasBias(new nn.LayerNorm([4, 7, 7]))).toBe(true);
  });

  test('not where the biased value is needed elsewhere', () => {
    const conv = new nn.Conv2d(4, 4, 3);
    const norm = new nn.InstanceNorm2d(4);
    const graph = trace((x) => {
      const y = conv.forward(x);
      return [y, norm.forward(y)];
    }, PICTURE);
    expect(rewrite('drop-bias-before-normalize', graph)).toBe(graph);
  });
});

describe('fold-batch-norm', () => {
  const norm = () => new nn.BatchNorm2d(4).eval();
  const apply = (target: Parameters<typeof trace>[0], shape: readonly number[] = PICTURE) => {
    const graph = rewrite('fold-batch-norm', trace(target, shape));
    expect(isSound(graph)).toBe(true);
    return graph;
  };

  test.each([
    ['conv', new nn.Conv2d(4, 4, 3), norm()],
    ['conv', new nn.Conv2d(4, 4, 3, { bias: false }), new nn.BatchNorm2d(4, { affine: false }).eval()],
    ['conv_transpose', new nn.ConvTranspose2d(4, 4, 3), norm()],
  ])('%s: the parameters alone are calculated with', (op, layer, batchNorm) => {
    const graph = apply(new nn.Sequential(layer, batchNorm, new nn.ReLU()));
    const constants = constantsOf(graph);
    const running = graph.nodes.filter(({ outputs }) => outputs.some((id) => !constants.has(id)));
    expect(running.map((node) => node.op)).toEqual([op, 'unary']);
    const [convolution] = running;
    expect(convolution?.inputs[0]).toBe(graph.inputs[0]?.value);
    expect(convolution?.inputs.slice(1).every((id) => id !== null && constants.has(id))).toBe(true);
    const { separated } = stageGraph(trace(new nn.Sequential(layer, batchNorm), PICTURE));
    expect(ops(separated.running.graph).filter((one) => one !== 'move')).toHaveLength(1);
  });

  test('one after another', () => {
    const graph = simplify(
      trace(new nn.Sequential(new nn.Conv2d(4, 4, 3), norm(), new nn.Conv2d(4, 4, 3), norm()), PICTURE),
    );
    expect(ops(graph)).not.toContain('batch_norm');
    expect(isSound(graph)).toBe(true);
  });

  test.each<[string, (x: nn.Value) => nn.Value | nn.Value[], readonly number[]]>([
    [
      'statistics of the batch',
      (x) => new nn.BatchNorm2d(4, { trackRunningStats: false }).forward(new nn.Conv2d(4, 4, 3).forward(x)),
      PICTURE,
    ],
    [
      'a value that is an output, too',
      (x) => {
        const y = new nn.Conv2d(4, 4, 3).forward(x);
        return [y, norm().forward(y)];
      },
      PICTURE,
    ],
    [
      'a weight that depends on the input',
      (x) => {
        const weight = x.mean().mul(new nn.Parameter([4, 4, 3, 3]));
        return norm().forward(nn.functional.conv2d(x, weight));
      },
      PICTURE,
    ],
    [
      'statistics that depend on the input',
      (x) => {
        const mean = x.mean([0, 2, 3]);
        return nn.functional.batchNorm(new nn.Conv2d(4, 4, 3).forward(x), mean, new nn.Parameter([4]));
      },
      PICTURE,
    ],
    [
      'an unbatched picture, whose rows are the channels of the norm',
      (x) => new nn.BatchNorm1d(7).eval().forward(new nn.Conv2d(4, 4, 3).forward(x)),
      [4, 9, 9],
    ],
  ])('not %s', (_, target, shape) => {
    const before = trace(target, shape);
    expect(ops(before)).toContain('batch_norm');
    expect(rewrite('fold-batch-norm', before)).toBe(before);
  });
});

test('simplify leaves a graph that has nothing to simplify as it is', () => {
  const graph = trace((x) => x.tanh(), PICTURE);
  expect(simplify(graph)).toBe(graph);
});

test('every simplification says its name and purpose', () => {
  expect(new Set(simplifications.map(({ name }) => name)).size).toBe(simplifications.length);
  for (const { about } of simplifications) expect(about).toMatch(/\w/);
});
