/** fuse: rewrites of kernel nodes that save passes over memory. */
import { describe, expect, test } from 'vitest';
import { fuse, rewrites } from '../../dist/graph/fuse.js';
import type { Graph } from '../../dist/graph/graph.js';
import { lower } from '../../dist/graph/lower.js';
import { printNormalizations } from '../../dist/graph/print.js';
import { simplify } from '../../dist/graph/simplify.js';
import * as nn from '../../dist/nn/index.js';
import type { Kernels } from '../../dist/ops/kernels.js';
import { random, randomTensor } from '../ops/array.js';
import { isSound, lowered, ops, trace } from './build.js';

const PICTURE = [1, 4, 9, 9] as const;

describe('pointwise-into-producer', () => {
  const apply = (
    target: nn.Module | ((x: nn.Value) => nn.Value | nn.Value[]),
    shape: readonly number[] = PICTURE,
  ) =>
    [...rewrites.slice(0, 2), ...rewrites.slice(0, 2)].reduce(
      (graph, { apply: one }) => one(graph),
      lowered(target, shape),
    );
  const conv = () => new nn.Conv2d(4, 4, 3, { padding: 1 });
  const steps = (graph: Graph<Kernels>) =>
    graph.nodes.flatMap(({ attributes }) =>
      'program' in attributes ? [attributes.program.map(({ step }) => step)] : [],
    );

  test.each([
    ['conv2d', new nn.Conv2d(4, 4, 3), new nn.ReLU(), 'relu'],
    ['conv_transpose2d', new nn.ConvTranspose2d(4, 4, 3), new nn.Tanh(), 'tanh'],
    ['conv2d', new nn.Conv2d(4, 4, 3), new nn.PReLU({ numParameters: 4 }), 'leaky_relu'],
    ['conv2d', new nn.Conv2d(4, 4, 3), new nn.ReLU6(), 'clamp'],
  ])('%s', (op, layer, activationLayer, step) => {
    const graph = apply(new nn.Sequential(layer, activationLayer));
    expect(ops(graph)).toEqual(step === 'leaky_relu' ? ['view', op] : [op]);
    expect(steps(graph)).toEqual([[step]]);
    expect(isSound(graph)).toBe(true);
  });

  test('a residual sum, its activation, and a number a channel', () => {
    const [layer, scale] = [conv(), new nn.Parameter(randomTensor(random(1), [4, 1, 1]))];
    const graph = apply((x) => layer.forward(x).mul(scale).add(x));
    expect(ops(graph)).toEqual(['conv2d']);
    expect(steps(graph)).toEqual([['mul', 'add']]);
    expect(graph.nodes[0]?.inputs).toHaveLength(6);
    expect(graph.nodes[0]?.inputs[5]).toBe(graph.inputs[0]?.value);
    expect(isSound(graph)).toBe(true);
  });

  test('matrix products behind a view, with operands of its rows and columns', () => {
    const [weight, row] = [[5, 70], [70]].map((shape) => new nn.Parameter(randomTensor(random(2), shape)));
    const graph = apply(
      (x) => {
        const y = x.matmul(weight as nn.Parameter);
        return y.add(row as nn.Parameter).relu();
      },
      [2, 3, 5],
    );
    expect(steps(graph)).toEqual([['add', 'relu']]);
    expect(ops(graph).at(-1)).toBe('view');
    expect(ops(graph)).not.toContain('pointwise');
    expect(isSound(graph)).toBe(true);
  });

  test.each<[string, (x: nn.Value) => nn.Value | nn.Value[]]>([
    [
      'what something else reads',
      (x) => {
        const y = conv().forward(x);
        return [y, y.relu()];
      },
    ],
    [
      'what is repeated along rows alone',
      (x) =>
        conv()
          .forward(x)
          .mul(x.mean([3], { keepdim: true })),
    ],
    [
      'what makes more of it',
      (x) =>
        conv()
          .forward(x.slice(2, 0, 1))
          .add(x.mean([2], { keepdim: true }))
          .add(x),
    ],
    ['a normalisation', (x) => new nn.BatchNorm2d(4).eval().forward(conv().forward(x))],
  ])('not %s', (_, target) => {
    const graph = apply(target);
    expect(ops(graph)).toContain('pointwise');
    expect(isSound(graph)).toBe(true);
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
    ['conv2d', conv(), new nn.ReLU(), conv(), 'relu'],
    ['transposed', up(), new nn.LeakyReLU(), up(), 'leaky_relu'],
    ['padding in between', conv(), new nn.ReflectionPad2d(1), conv(), 'nothing'],
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
    if (load === null) expect(ops(graph).slice(2)).toEqual(['pointwise', 'pad', 'conv_transpose2d']);
    else {
      expect(ops(graph)).toHaveLength(3);
      expect(last).toMatchObject({
        attributes: { load: 'affine', loadProgram: load === 'nothing' ? [] : [{ step: load }] },
      });
      expect([last?.inputs[0], last?.inputs[3]]).toEqual([made?.outputs[0], statistics?.outputs[0]]);
    }
  });

  test.each<[string, nn.Module, readonly number[], readonly string[]]>([
    ['planes that a cache holds', new nn.InstanceNorm2d(32), [1, 32, 256, 256], ['instance_norm']],
    ['larger planes', new nn.InstanceNorm2d(32), [1, 32, 256, 257], ['statistics', 'pointwise']],
    ['few planes', new nn.InstanceNorm2d(28), [1, 28, 9, 9], ['statistics', 'pointwise']],
    ['groups of channels', new nn.GroupNorm(16, 32), [1, 32, 9, 9], ['statistics', 'pointwise']],
  ])('statistics of their own, of %s', (_, norm, shape, wanted) => {
    const graph = fuse(lowered(new nn.Sequential(norm, new nn.ReLU()), shape));
    expect(isSound(graph)).toBe(true);
    expect(ops(graph)).toEqual(wanted);
  });

  test('stored statistics are constants of the load', () => {
    const graph = fused(new nn.Sequential(new nn.BatchNorm2d(4).eval(), new nn.ReLU(), conv()));
    expect(ops(graph)).toEqual(['running_constants', 'conv2d']);
    const [constants, convolution] = graph.nodes;
    expect(convolution).toMatchObject({ attributes: { load: 'affine', loadProgram: [{ step: 'relu' }] } });
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
    expect(ops(graph).filter((op) => op === 'pointwise')).toHaveLength(1);
    const pass = graph.nodes.find(({ op }) => op === 'pointwise');
    const [x, constants] = pass?.inputs ?? [];
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
        '  layers.4: statistics as layers.0 stores; applied in a pass of affine, relu',
        '  layers.5: statistics as layers.1 stores; applied in a pass of affine, add, affine',
        '  layers.6: stored statistics; applied in a pass of affine, add, affine',
        '  layers.7: statistics as layers.3 stores; applied in a pass',
        '}',
        '',
      ].join('\n'),
    );
    expect(printNormalizations(lowered(new Net(), PICTURE))).toContain(
      'layers.4: statistics in a pass of their own; applied in a pass',
    );
  });

  test('not from a convolution whose channels are viewed otherwise', () => {
    const graph = fused((x) => nn.functional.instanceNorm(conv().forward(x).view(1, 2, 14, 7)));
    expect(graph.nodes[0]?.outputs).toHaveLength(1);
    expect(graph.nodes.find(({ op }) => op === 'statistics')?.attributes).toMatchObject({ of: 'values' });
  });
});

test.each([
  ['a sum, then ReLU', (x: nn.Value, y: nn.Value) => x.add(y).relu(), ['affine', 'add', 'relu']],
  ['ReLU, then a sum', (x: nn.Value, y: nn.Value) => y.relu().add(x), ['affine', 'relu', 'add']],
])('a residual in the pass that applies a normalisation: %s', (_, target, steps) => {
  const norm = new nn.InstanceNorm2d(4);
  const graph = fuse(lowered((x) => target(x, norm.forward(x)), PICTURE));
  expect(ops(graph)).toEqual(['statistics', 'pointwise']);
  expect(graph.nodes[1]?.attributes).toMatchObject({ program: steps.map((step) => ({ step })) });
  expect(isSound(graph)).toBe(true);
});

test('a scale a channel is applied as a convolution loads what it scales', () => {
  const layer = new nn.Conv2d(4, 4, 3);
  const graph = fuse(
    lowered((x) => layer.forward(x.mul(x.mean([2, 3], { keepdim: true }).sigmoid())), PICTURE),
  );
  expect(ops(graph)).toEqual(['reduce', 'pointwise', 'conv2d']);
  expect(graph.nodes[2]).toMatchObject({ attributes: { load: 'scale', loadProgram: [] } });
  expect(graph.nodes[2]?.inputs.slice(0, 4)).toEqual([
    graph.inputs[0]?.value,
    expect.any(Number),
    expect.any(Number),
    graph.nodes[1]?.outputs[0],
  ]);
  expect(isSound(graph)).toBe(true);
});

test('fuse leaves a graph that has nothing to fuse as it is', () => {
  const graph = lowered((x) => x.tanh(), PICTURE);
  expect(fuse(graph)).toBe(graph);
});

test('every rewrite says its name and purpose', () => {
  expect(new Set(rewrites.map(({ name }) => name)).size).toBe(rewrites.length);
  for (const { about } of rewrites) expect(about).toMatch(/\w/);
});
