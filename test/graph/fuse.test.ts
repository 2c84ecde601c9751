import { describe, expect, test } from 'vitest';
import { fuse, rewrites } from '../../dist/graph/fuse.js';
import type { Graph } from '../../dist/graph/ir.js';
import * as nn from '../../dist/nn/index.js';
import { ops, trace } from './build.js';

const PICTURE = [1, 4, 9, 9] as const;

function rewrite(name: string, graph: Graph): Graph {
  const found = rewrites.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no rewrite ${name}`);
  return found.apply(graph);
}

/** Every value that is read is an input or was made before. */
function isSound({ nodes, inputs, outputs }: Graph): boolean {
  const made = new Set(inputs);
  const ordered = nodes.every((node) => {
    const known = node.inputs.every((input) => made.has(input));
    made.add(node.output);
    return known;
  });
  return ordered && outputs.every((output) => made.has(output));
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
    expect(ops(graph)).toEqual(['conv2d']);
    expect(graph.nodes[0]?.attributes).toMatchObject({ paddingMode, padding });
    expect(isSound(graph)).toBe(true);
  });

  test.each([
    ['reflection in front of zero padding', new nn.ReflectionPad2d(1), conv({ padding: 1 })],
    ['zeros in front of reflection', new nn.ZeroPad2d(1), conv({ padding: 1, paddingMode: 'reflect' })],
    ['another constant', new nn.ConstantPad2d(1, 0.5), conv()],
    ['a crop', new nn.ZeroPad2d(-1), conv()],
  ])('not %s', (_, pad, layer) => {
    expect(ops(apply(new nn.Sequential(pad, layer)))).toEqual(['pad', 'conv2d']);
  });
});

describe('drop-bias-before-normalize', () => {
  const hasBias = (norm: nn.Module) => {
    const graph = rewrite(
      'drop-bias-before-normalize',
      trace(new nn.Sequential(new nn.Conv2d(4, 4, 3), norm), PICTURE),
    );
    return graph.nodes[0]?.weights.bias !== undefined;
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

describe('activation-into-producer', () => {
  const apply = (target: nn.Module | ((x: nn.Value) => nn.Value | nn.Value[])) =>
    rewrite('activation-into-producer', trace(target, PICTURE));

  test.each([
    ['conv2d', new nn.Conv2d(4, 4, 3), new nn.ReLU(), 'relu'],
    ['conv_transpose2d', new nn.ConvTranspose2d(4, 4, 3), new nn.Tanh(), 'tanh'],
    ['normalize', new nn.InstanceNorm2d(4), new nn.ReLU({ inplace: true }), 'relu'],
  ])('%s', (op, layer, activationLayer, activation) => {
    const graph = apply(new nn.Sequential(layer, activationLayer));
    expect(ops(graph)).toEqual([op]);
    expect(graph.nodes[0]?.attributes).toMatchObject({ activation });
    expect(isSound(graph)).toBe(true);
  });

  test('a sum', () => {
    expect(ops(apply((x) => x.add(x).relu()))).toEqual(['binary']);
  });

  test('one activation only, and none that something else reads', () => {
    expect(ops(apply((x) => x.add(x).relu().tanh()))).toEqual(['binary', 'unary']);
    expect(
      ops(
        apply((x) => {
          const y = x.add(x);
          return [y, y.relu()];
        }),
      ),
    ).toEqual(['binary', 'unary']);
    expect(ops(apply((x) => x.add(x).sqrt()))).toEqual(['binary', 'unary']);
  });
});

describe('residual-into-normalize', () => {
  const norm = new nn.InstanceNorm2d(4);
  const apply = (target: (x: nn.Value) => nn.Value | nn.Value[]) =>
    rewrite('residual-into-normalize', trace(target, PICTURE));

  test('either side of the sum', () => {
    for (const target of [(x: nn.Value) => x.add(norm.forward(x)), (x: nn.Value) => norm.forward(x).add(x)]) {
      const graph = apply(target);
      expect(ops(graph)).toEqual(['normalize']);
      expect(graph.nodes[0]?.inputs).toHaveLength(2);
      expect(isSound(graph)).toBe(true);
    }
  });

  test('a residual made after the normalisation', () => {
    const graph = apply((x) => {
      const y = norm.forward(x);
      return y.add(x.tanh());
    });
    expect(ops(graph)).toEqual(['unary', 'normalize']);
    expect(isSound(graph)).toBe(true);
  });

  test('not a broadcast, a difference, or itself', () => {
    expect(ops(apply((x) => norm.forward(x).add(x.mean([2, 3], { keepdim: true }))))).toContain('binary');
    expect(ops(apply((x) => norm.forward(x).sub(x)))).toContain('binary');
    expect(
      ops(
        apply((x) => {
          const y = norm.forward(x);
          return y.add(y);
        }),
      ),
    ).toContain('binary');
  });
});

test('a ReLU after the residual sum stays a pass of its own', () => {
  const norm = new nn.InstanceNorm2d(4);
  const graph = fuse(trace((x) => x.add(norm.forward(x)).relu(), PICTURE));
  // Either the sum or the ReLU may be fused, never both: the kernel adds after its activation.
  expect(graph.nodes.map(({ attributes }) => attributes)).toMatchObject([
    { residual: false, activation: 'none' },
    { activation: 'relu' },
  ]);
});

test('fuse leaves a graph that has nothing to fuse as it is', () => {
  const graph = trace((x) => x.tanh(), PICTURE);
  expect(fuse(graph)).toBe(graph);
});

test('every rewrite says its name and purpose', () => {
  expect(new Set(rewrites.map(({ name }) => name)).size).toBe(rewrites.length);
  for (const { about } of rewrites) expect(about).toMatch(/\w/);
});
