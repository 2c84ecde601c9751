import { describe, expect, test } from 'vitest';
import { fuse, rewrites } from '../../dist/graph/fuse.js';
import type { Graph } from '../../dist/graph/ir.js';
import { printNormalizations } from '../../dist/graph/print.js';
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
    if (node.moments !== undefined) made.add(node.moments);
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

describe('normalisations between convolutions', () => {
  const conv = (options: nn.Conv2dLayerOptions = {}) => new nn.Conv2d(4, 4, 3, options);
  const up = () => new nn.ConvTranspose2d(4, 4, 3);
  const norm = () => new nn.InstanceNorm2d(4, { affine: true });
  const fused = (target: nn.Module | ((x: nn.Value) => nn.Value | nn.Value[])) => {
    const graph = fuse(trace(target, PICTURE));
    expect(isSound(graph)).toBe(true);
    return graph;
  };

  test.each([
    ['conv2d', conv(), new nn.ReLU(), conv(), 'normalized-relu'],
    ['transposed', up(), new nn.ReLU(), up(), 'normalized-relu'],
    ['padding in between', conv(), new nn.ReflectionPad2d(1), conv(), 'normalized'],
    ['zeros in between', conv(), new nn.ZeroPad2d(1), up(), null],
  ])('%s', (_, first, between, second, load) => {
    const graph = fused(new nn.Sequential(first, norm(), between, second));
    const [made, statistics] = graph.nodes;
    expect(statistics).toMatchObject({
      op: 'statistics',
      inputs: [made?.moments],
      attributes: { of: 'moments' },
    });
    expect(Object.keys(statistics?.weights ?? {})).toEqual(['weight', 'bias']);
    const last = graph.nodes.at(-1);
    if (load === null) expect(ops(graph).slice(2)).toEqual(['normalize', 'pad', 'conv_transpose2d']);
    else {
      expect(ops(graph)).toHaveLength(3);
      expect(last).toMatchObject({ inputs: [made?.output, statistics?.output], attributes: { load } });
    }
  });

  test.each<[string, nn.Module, readonly number[], readonly string[]]>([
    ['planes that a cache holds', new nn.InstanceNorm2d(32), [1, 32, 256, 256], ['normalize']],
    ['larger planes', new nn.InstanceNorm2d(32), [1, 32, 256, 257], ['statistics', 'normalize']],
    ['few planes', new nn.InstanceNorm2d(28), [1, 28, 9, 9], ['statistics', 'normalize']],
    ['groups of channels', new nn.GroupNorm(16, 32), [1, 32, 9, 9], ['statistics', 'normalize']],
  ])('statistics of their own, of %s', (_, norm, shape, wanted) => {
    const graph = fuse(trace(new nn.Sequential(norm, new nn.ReLU()), shape));
    expect(isSound(graph)).toBe(true);
    expect(ops(graph)).toEqual(wanted);
  });

  test('stored statistics are constants of the load', () => {
    const graph = fused(new nn.Sequential(conv(), new nn.BatchNorm2d(4).eval(), new nn.ReLU(), conv()));
    expect(ops(graph)).toEqual(['conv2d', 'running_constants', 'conv2d']);
    expect(graph.nodes[0]?.moments).toBeUndefined();
    expect(graph.nodes[2]).toMatchObject({ attributes: { load: 'normalized-relu' } });
  });

  test.each<[string, (x: nn.Value) => nn.Value | nn.Value[]]>([
    ['it is an output', (x) => norm().forward(conv().forward(x))],
    ['it is tanh', (x) => conv().forward(norm().forward(conv().forward(x)).tanh())],
    [
      'two read it',
      (x) => {
        const y = norm().forward(conv().forward(x));
        return [conv().forward(y), conv().forward(y)];
      },
    ],
    [
      'it has a residual',
      (x) => {
        const layer = conv({ padding: 1 });
        return conv().forward(norm().forward(layer.forward(x)).add(x));
      },
    ],
  ])('one pass with given constants where %s', (_, target) => {
    const graph = fused(target);
    expect(ops(graph).filter((op) => op === 'normalize')).toHaveLength(1);
    const pass = graph.nodes.find(({ op }) => op === 'normalize');
    expect(pass).toMatchObject({ attributes: { statistics: 'given' }, weights: {} });
    const [x, constants] = pass?.inputs ?? [];
    const made = graph.nodes.find(({ output }) => output === x);
    const statistics = graph.nodes.find(({ output }) => output === constants);
    expect(statistics).toMatchObject({ op: 'statistics', inputs: [made?.moments] });
    for (const node of graph.nodes)
      if (node.op === 'conv2d') expect(node.attributes).toMatchObject({ load: 'plain' });
  });

  test('two normalisations of one convolution share its moments', () => {
    const graph = fused((x) => {
      const y = conv().forward(x);
      return [norm().forward(y), new nn.GroupNorm(2, 4).forward(y)];
    });
    const [made] = graph.nodes;
    const statistics = graph.nodes.filter(({ op }) => op === 'statistics');
    expect(statistics.map(({ inputs }) => inputs)).toEqual([[made?.moments], [made?.moments]]);
  });

  test('explain says what became of each', () => {
    const [first, second, third, fourth] = [conv(), conv({ padding: 1 }), conv(), conv()];
    const [a, b, c, d] = [norm(), norm(), new nn.BatchNorm2d(4).eval(), norm()];
    class Net extends nn.Module {
      readonly layers = new nn.Sequential(first, second, third, fourth, a, b, c, d);
      override forward(x: nn.Value): nn.Value {
        const y = a.forward(first.forward(x)).relu();
        const z = b.forward(second.forward(y)).add(y);
        return d.forward(fourth.forward(c.forward(third.forward(z))).mul(2));
      }
    }
    expect(printNormalizations(fused(new Net()))).toBe(
      [
        'normalisations {',
        '  layers.4: statistics as layers.0 stores; applied in a pass',
        '  layers.5: statistics as layers.1 stores; applied in a pass, with the sum',
        '  layers.6: stored statistics; applied as layers.3 loads',
        '  layers.7: statistics in a pass of their own; applied in a pass',
        '}',
        '',
      ].join('\n'),
    );
    expect(printNormalizations(trace(new Net(), PICTURE))).toContain('layers.4: not taken apart');
  });

  test('not from a convolution whose channels are viewed otherwise', () => {
    const graph = fused((x) => nn.functional.instanceNorm(conv().forward(x).view(1, 2, 14, 7)));
    expect(graph.nodes[0]?.moments).toBeUndefined();
    expect(graph.nodes.find(({ op }) => op === 'statistics')?.attributes).toMatchObject({ of: 'values' });
  });
});

test('a ReLU after the residual sum stays a pass of its own', () => {
  const norm = new nn.InstanceNorm2d(4);
  const graph = fuse(trace((x) => x.add(norm.forward(x)).relu(), PICTURE));
  // Either the sum or the ReLU may be fused, never both: the kernel adds after its activation.
  const applied = graph.nodes.filter(({ op }) => op !== 'statistics');
  expect(applied.map(({ attributes }) => attributes)).toMatchObject([
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
