/** fuse: rewrites of kernel nodes that save passes over memory. */
import { describe, expect, test } from 'vitest';
import { fuse, rewrites } from '../../dist/graph/fuse.js';
import type { Graph } from '../../dist/graph/graph.js';
import { lower } from '../../dist/graph/lower.js';
import { printNormalizations } from '../../dist/graph/print.js';
import { simplify } from '../../dist/graph/simplify.js';
import * as nn from '../../dist/nn/index.js';
import type { Kernels } from '../../dist/ops/kernels.js';
import { isSound, lowered, ops, trace } from './build.js';

const PICTURE = [1, 4, 9, 9] as const;

function rewrite(name: string, graph: Graph<Kernels>): Graph<Kernels> {
  const found = rewrites.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no rewrite ${name}`);
  return found.apply(graph);
}

describe('activation-into-producer', () => {
  const apply = (target: nn.Module | ((x: nn.Value) => nn.Value | nn.Value[])) =>
    rewrite('activation-into-producer', lowered(target, PICTURE));

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

  test('one activation only, and none that something else reads', () => {
    const norm = new nn.InstanceNorm2d(4);
    expect(ops(apply((x) => norm.forward(x).relu().tanh()))).toEqual(['normalize', 'pointwise']);
    expect(
      ops(
        apply((x) => {
          const y = norm.forward(x);
          return [y, y.relu()];
        }),
      ),
    ).toEqual(['normalize', 'pointwise']);
    expect(ops(apply((x) => norm.forward(x).sqrt()))).toEqual(['normalize', 'pointwise']);
  });
});

describe('residual-into-normalize', () => {
  const norm = new nn.InstanceNorm2d(4);
  const apply = (target: (x: nn.Value) => nn.Value | nn.Value[]) =>
    rewrite('residual-into-normalize', lowered(target, PICTURE));

  test('either side of the sum', () => {
    for (const target of [(x: nn.Value) => x.add(norm.forward(x)), (x: nn.Value) => norm.forward(x).add(x)]) {
      const graph = apply(target);
      expect(ops(graph)).toEqual(['normalize']);
      const [x] = graph.inputs;
      expect(graph.nodes[0]?.inputs).toEqual([x?.value, null, null, null, x?.value]);
      expect(isSound(graph)).toBe(true);
    }
  });

  test('a residual made after the normalisation', () => {
    const graph = apply((x) => {
      const y = norm.forward(x);
      return y.add(x.tanh());
    });
    expect(ops(graph)).toEqual(['pointwise', 'normalize']);
    expect(isSound(graph)).toBe(true);
  });

  test('not a broadcast, a difference, or itself', () => {
    expect(ops(apply((x) => norm.forward(x).add(x.mean([2, 3], { keepdim: true }))))).toContain('pointwise');
    expect(ops(apply((x) => norm.forward(x).sub(x)))).toContain('pointwise');
    expect(
      ops(
        apply((x) => {
          const y = norm.forward(x);
          return y.add(y);
        }),
      ),
    ).toContain('pointwise');
  });
});

describe('normalisations between convolutions', () => {
  const conv = (options: nn.Conv2dLayerOptions = {}) => new nn.Conv2d(4, 4, 3, options);
  const up = () => new nn.ConvTranspose2d(4, 4, 3);
  const norm = () => new nn.InstanceNorm2d(4, { affine: true });
  const fused = (target: nn.Module | ((x: nn.Value) => nn.Value | nn.Value[])) => {
    const graph = fuse(lower(simplify(trace(target, PICTURE))));
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
      inputs: [made?.outputs[1], expect.any(Number), expect.any(Number)],
      attributes: { of: 'moments' },
    });
    const last = graph.nodes.at(-1);
    if (load === null) expect(ops(graph).slice(2)).toEqual(['normalize', 'pad', 'conv_transpose2d']);
    else {
      expect(ops(graph)).toHaveLength(3);
      expect(last).toMatchObject({ attributes: { load } });
      expect([last?.inputs[0], last?.inputs[3]]).toEqual([made?.outputs[0], statistics?.outputs[0]]);
    }
  });

  test.each<[string, nn.Module, readonly number[], readonly string[]]>([
    ['planes that a cache holds', new nn.InstanceNorm2d(32), [1, 32, 256, 256], ['normalize']],
    ['larger planes', new nn.InstanceNorm2d(32), [1, 32, 256, 257], ['statistics', 'normalize']],
    ['few planes', new nn.InstanceNorm2d(28), [1, 28, 9, 9], ['statistics', 'normalize']],
    ['groups of channels', new nn.GroupNorm(16, 32), [1, 32, 9, 9], ['statistics', 'normalize']],
  ])('statistics of their own, of %s', (_, norm, shape, wanted) => {
    const graph = fuse(lowered(new nn.Sequential(norm, new nn.ReLU()), shape));
    expect(isSound(graph)).toBe(true);
    expect(ops(graph)).toEqual(wanted);
  });

  test('stored statistics are constants of the load', () => {
    const graph = fused(new nn.Sequential(new nn.BatchNorm2d(4).eval(), new nn.ReLU(), conv()));
    expect(ops(graph)).toEqual(['running_constants', 'conv2d']);
    const [constants, convolution] = graph.nodes;
    expect(convolution).toMatchObject({ attributes: { load: 'normalized-relu' } });
    expect(convolution?.inputs[0]).toBe(graph.inputs[0]?.value);
    expect(convolution?.inputs[3]).toBe(constants?.outputs[0]);
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
    expect(pass).toMatchObject({ attributes: { statistics: 'given' } });
    const [x, constants, ...affine] = pass?.inputs ?? [];
    expect(affine.slice(0, 2)).toEqual([null, null]);
    const made = graph.nodes.find(({ outputs }) => outputs[0] === x);
    const statistics = graph.nodes.find(({ outputs }) => outputs[0] === constants);
    expect(statistics).toMatchObject({ op: 'statistics', attributes: { of: 'moments' } });
    expect(made?.outputs).toHaveLength(2);
    expect(statistics?.inputs[0]).toBe(made?.outputs[1]);
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
    expect(made?.outputs).toHaveLength(2);
    expect(statistics.map(({ inputs }) => inputs[0])).toEqual([made?.outputs[1], made?.outputs[1]]);
  });

  test('explain says what became of each', () => {
    const [first, second, third, fourth] = [conv(), conv({ padding: 1 }), conv(), conv()];
    const [a, b, c, d] = [norm(), norm(), new nn.BatchNorm2d(4).eval(), norm()];
    class Net extends nn.Module {
      readonly layers = new nn.Sequential(first, second, third, fourth, a, b, c, d);
      override forward(x: nn.Value): nn.Value {
        const y = a.forward(first.forward(x)).relu();
        const z = b.forward(second.forward(y)).add(y);
        return d.forward(fourth.forward(third.forward(c.forward(z))).mul(2));
      }
    }
    expect(printNormalizations(fused(new Net()))).toBe(
      [
        'normalisations {',
        '  layers.4: statistics as layers.0 stores; applied in a pass',
        '  layers.5: statistics as layers.1 stores; applied in a pass, with the sum',
        '  layers.6: stored statistics; applied as layers.2 loads',
        '  layers.7: statistics in a pass of their own; applied in a pass',
        '}',
        '',
      ].join('\n'),
    );
    expect(printNormalizations(lowered(new Net(), PICTURE))).toContain('layers.4: not taken apart');
  });

  test('not from a convolution whose channels are viewed otherwise', () => {
    const graph = fused((x) => nn.functional.instanceNorm(conv().forward(x).view(1, 2, 14, 7)));
    expect(graph.nodes[0]?.outputs).toHaveLength(1);
    expect(graph.nodes.find(({ op }) => op === 'statistics')?.attributes).toMatchObject({ of: 'values' });
  });
});

test('a ReLU after the residual sum stays a pass of its own', () => {
  const norm = new nn.InstanceNorm2d(4);
  const graph = fuse(lowered((x) => x.add(norm.forward(x)).relu(), PICTURE));
  // Either the sum or the ReLU may be fused, never both: the kernel adds after its activation.
  const applied = graph.nodes.filter(({ op }) => op !== 'statistics');
  const [x] = graph.inputs;
  expect(applied).toMatchObject([
    { op: 'normalize', inputs: [x?.value, expect.any(Number), null, null, x?.value] },
    { op: 'pointwise' },
  ]);
  expect(applied.map(({ attributes }) => attributes)).toMatchObject([
    { activation: 'none' },
    { program: [{ step: 'relu', args: [] }] },
  ]);
});

test('fuse leaves a graph that has nothing to fuse as it is', () => {
  const graph = lowered((x) => x.tanh(), PICTURE);
  expect(fuse(graph)).toBe(graph);
});

test('every rewrite says its name and purpose', () => {
  expect(new Set(rewrites.map(({ name }) => name)).size).toBe(rewrites.length);
  for (const { about } of rewrites) expect(about).toMatch(/\w/);
});
