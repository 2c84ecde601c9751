import { describe, expect, test } from 'vitest';
import {
  ArgumentError,
  GouacheError,
  OutOfMemoryError,
  ShapeError,
  UnsupportedError,
} from '../../dist/errors.js';
import * as nn from '../../dist/nn/index.js';
import { traceModule } from '../../dist/nn/trace.js';
import { Tensor } from '../../dist/tensor/tensor.js';
import { ops, trace } from './build.js';

describe('trace', () => {
  test('writes nodes in order, named by module path', () => {
    const net = new nn.Sequential(new nn.Conv2d(3, 4, 3), new nn.ReLU(), new nn.Sequential(new nn.Tanh()));
    const { nodes } = trace(net, [1, 3, 8, 8]);
    expect(nodes.map(({ op, name }) => `${op} ${name}`)).toEqual(['conv 0', 'unary 1', 'unary 2.0']);
  });

  test('a model is told from a network, and a class from an object', () => {
    const model = { network: new nn.ReLU() } as unknown as nn.Module;
    expect(() => trace(model, [3])).toThrow('pass its `network`');
    expect(() => trace(nn.ReLU as unknown as nn.Module, [3])).toThrow('forget `new`');
    const methods = {
      class(x: nn.Value) {
        return x.relu();
      },
    };
    expect(trace(methods.class, [3]).nodes).toHaveLength(1);
  });

  test('drops values that no output needs, and keeps unused inputs', () => {
    const { graph } = traceModule(
      (x, y) => {
        y.relu().mul(2);
        return x.tanh();
      },
      [{ shape: [2] }, { shape: [3] }],
    );
    expect(ops(graph)).toEqual(['unary']);
    expect(graph.inputs).toHaveLength(2);
    expect(graph.values.map(({ shape }) => shape)).toEqual([[2], [3], [2]]);
    expect(graph.nodes).toMatchObject([{ inputs: [0], outputs: [2] }]);
  });

  test.each([
    ['one', (x: nn.Value) => x.relu(), { kind: 'single' }, 1],
    ['a list', (x: nn.Value) => [x.relu(), x], { kind: 'list' }, 2],
    ['a record', (x: nn.Value) => ({ a: x, b: x.tanh() }), { kind: 'record', keys: ['a', 'b'] }, 2],
  ])('returns %s', (_, target, structure, count) => {
    const traced = traceModule(target, [{ shape: [1, 2] }]);
    expect(traced.structure).toEqual(structure);
    expect(traced.graph.outputs).toHaveLength(count);
  });

  test('a trace inside a trace leaves the outer one alone', () => {
    const graph = trace(
      (x) => {
        expect(ops(trace((y) => y.tanh(), [5]))).toEqual(['unary']);
        return x.relu();
      },
      [3],
    );
    expect(graph.nodes).toHaveLength(1);
  });

  test('values of another trace are refused', () => {
    let kept: nn.Value | undefined;
    trace(
      (x) => {
        kept = x;
        return x;
      },
      [3],
    );
    expect(() => trace((x) => (kept === undefined ? x : x.add(kept)), [3])).toThrow(ArgumentError);
  });

  test('after a throwing forward the next trace is clean', () => {
    const boom = new Error('boom');
    expect(() =>
      trace(() => {
        throw boom;
      }, [3]),
    ).toThrow(boom);
    expect(() => nn.functional.relu(new nn.Parameter([3]))).toThrow(/engine\.run/);
  });

  test('a concrete Tensor is sent to engine.run', () => {
    const tensor = Tensor.from([1, 2], [2]);
    const asValue = tensor as unknown as nn.Value;
    expect(() => new nn.Conv2d(3, 3, 3).forward(asValue)).toThrow(/engine\.run/);
    expect(() => new nn.InstanceNorm2d(3).forward(asValue)).toThrow(/engine\.run/);
    expect(() => nn.functional.relu(asValue)).toThrow(ArgumentError);
    expect(() => trace((x) => x.add(asValue), [2])).toThrow(/new Parameter\(tensor\)/);
  });

  describe('more inputs than forward takes', () => {
    class Layer extends nn.Module {
      readonly run: (...values: nn.Value[]) => nn.ModuleOutput;
      constructor(run: (...values: nn.Value[]) => nn.ModuleOutput) {
        super();
        this.run = run;
      }
      override forward(...values: nn.Value[]): nn.ModuleOutput {
        return this.run(...values);
      }
    }
    const two = [{ shape: [2] }, { shape: [2] }];

    test.each<[string, Parameters<typeof traceModule>[0], string]>([
      ['a function', (x) => x.relu(), '1'],
      ['a layer', new nn.ReLU(), '1'],
      ['a layer in place', new nn.ReLU({ inplace: true }), '1'],
      ['rest parameters that are not read', (...values) => values.slice(0, 1), '0'],
      ['a layer with them', new Layer((x) => x as nn.Value), '0'],
      ['a function of nothing', () => new nn.Parameter([2]).relu(), '0'],
    ])('is refused: %s', (_, target, wanted) => {
      expect(() => traceModule(target, two)).toThrow(ArgumentError);
      expect(() => traceModule(target, two)).toThrow(`wanted ${wanted})`);
    });

    test.each<[string, Parameters<typeof traceModule>[0]]>([
      ['declared and not read', (x, _mask) => x.relu()],
      ['rest parameters', (...values) => values.map((value) => value.relu())],
      ['rest parameters of a layer', new Layer((x, y) => x?.add(y as nn.Value) ?? [])],
      ['a default parameter', (x, y = x) => x.add(y)],
      ['read for nothing', (x, ...others) => (others[0]?.relu() ? x : [])],
      ['returned as it is', (...values) => values],
    ])('is not: %s', (_, target) => {
      expect(traceModule(target, two).graph.inputs).toHaveLength(2);
    });
  });

  test.each([[undefined], [null], [[]], [{}], [3], [Promise.resolve()]])(
    'forward that returns %s is refused',
    (result) => {
      expect(() => trace(() => result as unknown as nn.Value, [2])).toThrow(ArgumentError);
    },
  );

  test('empty and uncountable inputs', () => {
    expect(() => trace((x) => x, [1, 3, 0, 4])).toThrow(ShapeError);
    expect(() => trace((x) => x, [1, 2.5])).toThrow(ShapeError);
    expect(() => trace((x) => x, [1, 3, 2 ** 22, 2 ** 22])).toThrow(OutOfMemoryError);
  });

  test('a parameter used twice is one value', () => {
    const gamma = new nn.Parameter([3]);
    const { nodes, values } = trace((x) => x.mul(gamma).add(gamma), [2, 3]);
    expect(nodes.map(({ op }) => op)).toEqual(['binary', 'binary']);
    expect(values.filter(({ parameter }) => parameter !== undefined)).toEqual([
      { shape: [3], dtype: 'float32', parameter: gamma, name: 'mul.other' },
    ]);
    expect(nodes[0]?.inputs[1]).toBe(nodes[1]?.inputs[1]);
  });
});

describe('in place', () => {
  test('the argument stands for the result afterwards', () => {
    const { nodes, outputs } = trace(
      (x) => {
        const y = nn.functional.relu(x, { inplace: true });
        expect(y).toBe(x);
        return x.add(y);
      },
      [4],
    );
    expect(nodes.map(({ op }) => op)).toEqual(['unary', 'binary']);
    expect(nodes[1]?.inputs).toEqual([nodes[0]?.outputs[0], nodes[0]?.outputs[0]]);
    expect(outputs.map(({ value }) => value)).toEqual(nodes[1]?.outputs);
  });

  test('without it the argument stays', () => {
    const { nodes, inputs } = trace((x) => x.add(nn.functional.relu(x)), [4]);
    expect(nodes[1]?.inputs).toEqual([inputs[0]?.value, nodes[0]?.outputs[0]]);
  });

  test.each<[string, (x: nn.Value) => nn.Value]>([
    ['view', (x) => x.view(-1)],
    ['permute', (x) => x.permute(1, 0)],
    ['slice', (x) => x.slice(0, 1)],
  ])('refused where a %s shares the elements', (_, show) => {
    const inPlace = (of: (x: nn.Value, shown: nn.Value) => nn.Value) => (x: nn.Value) => {
      const shown = show(x);
      nn.functional.relu(of(x, shown), { inplace: true });
      return shown.add(0);
    };
    expect(() =>
      trace(
        inPlace((x) => x),
        [2, 2],
      ),
    ).toThrow(ArgumentError);
    expect(() =>
      trace(
        inPlace((_x, shown) => shown),
        [2, 2],
      ),
    ).toThrow(ArgumentError);
  });

  test('refused on parameters', () => {
    const p = new nn.Parameter([2]);
    expect(() => trace((x) => x.add(nn.functional.relu(p, { inplace: true })), [2])).toThrow(ArgumentError);
  });
});

describe('methods of values', () => {
  const shapeOf = (body: (x: nn.Value) => nn.Value, shape: readonly number[]): readonly number[] => {
    let result: readonly number[] = [];
    trace((x) => {
      const y = body(x);
      result = y.shape;
      return y;
    }, shape);
    return result;
  };

  test.each<[string, readonly number[], (x: nn.Value) => nn.Value, readonly number[]]>([
    ['mean of all', [2, 3, 4], (x) => x.mean(), []],
    ['mean over one axis', [2, 3, 4], (x) => x.mean(-1), [2, 3]],
    ['var keeps axes', [2, 3, 4, 5], (x) => x.var([2, 3], { keepdim: true }), [2, 3, 1, 1]],
    ['mean over axes of rank 6', [2, 3, 4, 5, 6, 7], (x) => x.mean([1, 2, 3]), [2, 6, 7]],
    ['view with -1', [2, 3, 4], (x) => x.view(2, -1), [2, 12]],
    ['view of a list', [2, 3, 4], (x) => x.view([24]), [24]],
    ['broadcast', [2, 1, 4], (x) => x.add(new nn.Parameter([3, 1])), [2, 3, 4]],
    ['permute', [2, 3, 4], (x) => x.permute(2, 0, 1), [4, 2, 3]],
    ['permute of a list, from the end', [2, 3, 4], (x) => x.permute([-1, 0, -2]), [4, 2, 3]],
    ['permute of nothing', [2], (x) => x.mean().permute(), []],
    ['slice', [2, 9, 4], (x) => x.slice(1, 2, 7), [2, 5, 4]],
    ['slice from the end', [2, 9, 4], (x) => x.slice(-2, -4), [2, 4, 4]],
    ['slice by steps, beyond the end', [2, 9, 4], (x) => x.slice(1, 1, 100, 3), [2, 3, 4]],
    ['slice of all', [2, 9], (x) => x.slice(0), [2, 9]],
    ['cat', [2, 3, 4], (x) => nn.functional.cat([x, new nn.Parameter([2, 1, 4])], 1), [2, 4, 4]],
    ['cat along the first axis', [2, 3], (x) => nn.functional.cat([x, x, x]), [6, 3]],
    ['cat from the end', [2, 3, 4], (x) => nn.functional.cat([x, x], -1), [2, 3, 8]],
    ['matmul', [2, 3, 4], (x) => x.matmul(new nn.Parameter([4, 5])), [2, 3, 5]],
    ['matmul, broadcast', [2, 1, 3, 4], (x) => x.matmul(new nn.Parameter([7, 4, 5])), [2, 7, 3, 5]],
    ['matmul by a column', [2, 3, 4], (x) => x.matmul(new nn.Parameter([4])), [2, 3]],
    ['matmul of a row', [4], (x) => x.matmul(new nn.Parameter([2, 4, 5])), [2, 5]],
    ['matmul of vectors', [4], (x) => x.matmul(x), []],
    ['numbers', [2], (x) => x.add(1).sub(2).mul(3).div(4).sqrt(), [2]],
    [
      'rank 6 with a scalar-like',
      [2, 1, 3, 1, 2, 2],
      (x) => x.add(new nn.Parameter([1])),
      [2, 1, 3, 1, 2, 2],
    ],
  ])('%s', (_, shape, body, wanted) => {
    expect(shapeOf(body, shape)).toEqual(wanted);
  });

  test.each<[string, (x: nn.Value) => nn.Value, RegExp]>([
    ['no such axis', (x) => x.mean(3), /no such axis/],
    ['axis twice', (x) => x.mean([0, -3]), /twice/],
    ['view of another size', (x) => x.view(7), /24 elements/],
    ['view with two -1', (x) => x.view(-1, -1), /numbers of elements differ/],
    ['shapes that do not broadcast', (x) => x.add(new nn.Parameter([5])), /do not broadcast/],
    ['a bound that is text', (x) => x.clamp('1' as unknown as number), /wanted a number/],
    ['permute without an axis', (x) => x.permute(0, 2), /permute: not all axes .*\[2, 3, 4\]/],
    ['permute with an axis twice', (x) => x.permute(0, 2, -1), /twice/],
    ['permute of an axis that is not there', (x) => x.permute(0, 1, 3), /no such axis/],
    ['slice along no axis', (x) => x.slice(3), /slice: no such axis/],
    ['slice of nothing', (x) => x.slice(1, 2, -1), /nothing is left .*3 elements along axis 1/],
    ['slice by a step of 0', (x) => x.slice(0, 0, 2, 0), /a step >= 1/],
    ['slice at half an element', (x) => x.slice(0, 0.5), /whole numbers/],
    [
      'cat of other sizes',
      (x) => nn.functional.cat([x, x.slice(0, 1)], 1),
      /cat: .*\[1, 3, 4\] beside \[2, 3, 4\]/,
    ],
    ['cat of other ranks', (x) => nn.functional.cat([x, x.mean(0)]), /do not go together/],
    ['cat of nothing', () => nn.functional.cat([]), /nothing to put together/],
    ['cat of a value', (x) => nn.functional.cat(x as unknown as nn.Value[]), /a list of values/],
    ['cat along no axis', (x) => nn.functional.cat([x], 3), /no such axis/],
    [
      'matmul of other sizes',
      (x) => x.matmul(x),
      /matmul: .*as many columns on the left as rows on the right: 4 and 3/,
    ],
    ['matmul of other batches', (x) => x.matmul(new nn.Parameter([3, 4, 5])), /leading sizes/],
    ['matmul of a number', (x) => x.mean().matmul(x), /at least one axis each/],
  ])('%s is refused', (_, body, message) => {
    expect(() => trace(body, [2, 3, 4])).toThrow(GouacheError);
    expect(() => trace(body, [2, 3, 4])).toThrow(message);
  });

  test('a permute of more groups of axes than the kernel takes is refused, one of fewer is not', () => {
    const shape = [2, 2, 2, 2, 2, 2, 2, 2, 2];
    const reversed = shape.map((_, axis) => axis).reverse();
    expect(() => trace((x) => x.permute(reversed), shape)).toThrow(UnsupportedError);
    expect(shapeOf((x) => x.permute([1, 0, 2, 3, 4, 5, 6, 7, 8]), shape)).toEqual(shape);
  });

  test('a result beyond what can be counted is refused where it is made', () => {
    const column = new nn.Parameter([2 ** 24, 1]);
    expect(() => trace((x) => x.add(column), [2 ** 24])).toThrow(OutOfMemoryError);
    expect(() => trace((x) => x.add(column), [2 ** 24])).toThrow(/add: the result is too large/);
  });
});
