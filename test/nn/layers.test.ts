/** Layers: shapes, refusals at construction and at tracing. What they compute is tested through the engine. */
import { describe, expect, test } from 'vitest';
import { ArgumentError, type GouacheError, ShapeError, UnsupportedError } from '../../dist/errors.js';
import { CycleGANGenerator } from '../../dist/networks/index.js';
import * as nn from '../../dist/nn/index.js';
import { traceModule } from '../../dist/nn/trace.js';
import { thrownBy } from '../thrown_by.js';

const F = nn.functional;

/** Output shape of a module or function on one input. */
function shapeOf(
  target: nn.Module | ((x: nn.Value) => nn.Value),
  shape: readonly number[],
): readonly number[] {
  const { graph } = traceModule(target, [{ shape }]);
  return graph.values[graph.outputs[0]?.value ?? -1]?.shape ?? [];
}

describe('shapes', () => {
  test.each<[string, nn.Module, readonly number[], readonly number[]]>([
    [
      'Conv2d',
      new nn.Conv2d(3, 8, [3, 5], { stride: [2, 1], padding: [1, 0], dilation: [1, 2] }),
      [2, 3, 9, 11],
      [2, 8, 5, 3],
    ],
    ['Conv2d unbatched', new nn.Conv2d(3, 8, 3), [3, 9, 11], [8, 7, 9]],
    [
      "Conv2d 'same'",
      new nn.Conv2d(3, 8, [4, 3], { padding: 'same', dilation: [1, 3] }),
      [1, 3, 9, 11],
      [1, 8, 9, 11],
    ],
    ["Conv2d 'valid'", new nn.Conv2d(3, 8, 3, { padding: 'valid' }), [1, 3, 9, 11], [1, 8, 7, 9]],
    [
      'Conv2d reflect',
      new nn.Conv2d(3, 8, 3, { padding: 2, paddingMode: 'reflect' }),
      [1, 3, 9, 11],
      [1, 8, 11, 13],
    ],
    [
      'ConvTranspose2d',
      new nn.ConvTranspose2d(3, 8, 3, { stride: 2, padding: 1, outputPadding: 1 }),
      [1, 3, 5, 6],
      [1, 8, 10, 12],
    ],
    [
      'ConvTranspose2d unbatched',
      new nn.ConvTranspose2d(3, 8, [2, 3], { stride: [1, 3] }),
      [3, 5, 6],
      [8, 6, 18],
    ],
    ['InstanceNorm1d', new nn.InstanceNorm1d(4), [2, 4, 9], [2, 4, 9]],
    ['InstanceNorm1d unbatched', new nn.InstanceNorm1d(4), [4, 9], [4, 9]],
    ['InstanceNorm2d unbatched', new nn.InstanceNorm2d(4), [4, 9, 3], [4, 9, 3]],
    ['BatchNorm1d of [N, C]', new nn.BatchNorm1d(4).eval(), [5, 4], [5, 4]],
    ['BatchNorm2d', new nn.BatchNorm2d(4).eval(), [2, 4, 1, 1], [2, 4, 1, 1]],
    ['GroupNorm of rank 5', new nn.GroupNorm(2, 4), [2, 4, 3, 3, 3], [2, 4, 3, 3, 3]],
    ['LayerNorm', new nn.LayerNorm([3, 5]), [7, 2, 3, 5], [7, 2, 3, 5]],
    ['LayerNorm of one axis', new nn.LayerNorm(5), [7, 2, 3, 5], [7, 2, 3, 5]],
    ['ReflectionPad2d', new nn.ReflectionPad2d([1, 2, 3, 4]), [1, 2, 5, 6], [1, 2, 12, 9]],
    ['ZeroPad2d that crops', new nn.ZeroPad2d([-1, 0, 0, -2]), [2, 5, 6], [2, 3, 5]],
    ['Identity', new nn.Identity(), [1], [1]],
  ])('%s', (_, layer, shape, wanted) => {
    expect(shapeOf(layer, shape)).toEqual(wanted);
  });

  test('functions', () => {
    const w = new nn.Parameter([8, 3, 3, 3]);
    expect(shapeOf((x) => F.conv2d(x, w, { padding: 1, stride: 2 }), [1, 3, 8, 8])).toEqual([1, 8, 4, 4]);
    const wt = new nn.Parameter([3, 8, 3, 3]);
    expect(shapeOf((x) => F.convTranspose2d(x, wt, { stride: 2 }), [1, 3, 8, 8])).toEqual([1, 8, 17, 17]);
    expect(shapeOf((x) => F.pad(x, [1, 2]), [4, 5])).toEqual([4, 8]);
    expect(shapeOf((x) => F.batchNorm(x, null, null, { training: true }), [4, 5])).toEqual([4, 5]);
  });
});

describe('numbers that cannot be right throw at construction', () => {
  test.each<[string, () => unknown]>([
    ['zero channels', () => new nn.Conv2d(0, 1, 3)],
    ['NaN channels', () => new nn.Conv2d(3, Number.NaN, 3)],
    ['negative kernel', () => new nn.Conv2d(3, 1, -3)],
    ['half a stride', () => new nn.Conv2d(3, 1, 3, { stride: 2.5 })],
    ['stride 0', () => new nn.Conv2d(3, 1, 3, { stride: 0 })],
    ['negative padding', () => new nn.Conv2d(3, 1, 3, { padding: -1 })],
    ['a triple', () => new nn.Conv2d(3, 1, [3, 3, 3] as unknown as [number, number])],
    ['a text', () => new nn.Conv2d(3, 1, '3' as unknown as number)],
    ["'same' with a stride", () => new nn.Conv2d(3, 1, 3, { padding: 'same', stride: 2 })],
    ['outputPadding >= stride', () => new nn.ConvTranspose2d(3, 1, 3, { stride: 2, outputPadding: 2 })],
    ['zero features', () => new nn.InstanceNorm2d(0)],
    ['negative eps', () => new nn.InstanceNorm2d(3, { eps: -1 })],
    ['NaN eps', () => new nn.BatchNorm2d(3, { eps: Number.NaN })],
    ['momentum 2', () => new nn.BatchNorm2d(3, { momentum: 2 })],
    ['groups that do not divide', () => new nn.GroupNorm(2, 3)],
    ['groups that do not divide the inputs', () => new nn.Conv2d(4, 6, 3, { groups: 3 })],
    ['groups that do not divide the outputs', () => new nn.ConvTranspose2d(6, 4, 3, { groups: 3 })],
    ['no groups', () => new nn.Conv2d(4, 4, 3, { groups: 0 })],
    ['empty normalizedShape', () => new nn.LayerNorm([])],
    ['half a pad', () => new nn.ReflectionPad2d(1.5)],
    ['three pads', () => new nn.ZeroPad2d([1, 2, 3] as unknown as [number, number, number, number])],
    ['a constant that is text', () => new nn.ConstantPad2d(1, '1' as unknown as number)],
    ['ngf 0', () => new CycleGANGenerator({ ngf: 0 })],
    ['half a block', () => new CycleGANGenerator({ nBlocks: 1.5 })],
  ])('%s', (_, make) => {
    const error = thrownBy(make);
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as GouacheError).op).toBeTruthy();
  });

  test.each<[string, () => unknown]>([
    ['circular padding', () => new nn.Conv2d(4, 4, 3, { paddingMode: 'circular' })],
    ['running statistics of instance norm', () => new nn.InstanceNorm2d(4, { trackRunningStats: true })],
  ])('not supported yet: %s', (_, make) => {
    expect(thrownBy(make)).toBeInstanceOf(UnsupportedError);
  });
});

describe('shapes that do not suit', () => {
  test.each<[string, nn.Module, readonly number[], RegExp]>([
    ['rank', new nn.Conv2d(3, 4, 3), [3, 4], /Conv2d: wrong rank \(got 2-D input \[3, 4\]/],
    [
      'channels',
      new nn.Conv2d(3, 4, 3),
      [1, 4, 8, 8],
      /4 channels in input \[1, 4, 8, 8\]; wanted 3 channels.*alpha/,
    ],
    ['kernel', new nn.Conv2d(3, 4, 5), [1, 3, 4, 8], /kernel is larger/],
    [
      'reflection of the convolution',
      new nn.Conv2d(3, 4, 3, { padding: 4, paddingMode: 'reflect' }),
      [1, 3, 4, 8],
      /reflection/,
    ],
    ['reflection', new nn.ReflectionPad2d(3), [1, 3, 3, 8], /ReflectionPad2d: the height is too small/],
    ['crop of all', new nn.ZeroPad2d(-4), [1, 3, 8, 9], /nothing is left/],
    ['rank of reflection', new nn.ReflectionPad2d(1), [5, 5], /wrong rank/],
    ['one spatial element', new nn.InstanceNorm2d(3), [2, 3, 1, 1], /more than 1 spatial element/],
    [
      'instance norm channels',
      new nn.InstanceNorm2d(3),
      [2, 4, 5, 5],
      /InstanceNorm2d: wrong number of channels/,
    ],
    ['instance norm rank', new nn.InstanceNorm1d(3), [2, 3, 5, 5], /InstanceNorm1d: wrong rank/],
    ['batch norm rank', new nn.BatchNorm2d(3).eval(), [2, 3, 5], /BatchNorm2d: wrong rank/],
    [
      'one value a channel',
      new nn.BatchNorm2d(3, { trackRunningStats: false }),
      [1, 3, 1, 1],
      /more than 1 value per channel/,
    ],
    ['group norm channels', new nn.GroupNorm(2, 4), [2, 6, 3, 3], /GroupNorm: wrong number of channels/],
    ['layer norm', new nn.LayerNorm([3, 5]), [2, 5, 3], /does not end in normalizedShape/],
    [
      'transposed to nothing',
      new nn.ConvTranspose2d(3, 4, 1, { padding: 2 }),
      [1, 3, 4, 4],
      /nothing is left/,
    ],
  ])('%s', (_, layer, shape, message) => {
    const error = thrownBy(() => shapeOf(layer, shape));
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as ShapeError).message).toMatch(message);
  });

  test('weights of a function', () => {
    const p = (shape: readonly number[]) => new nn.Parameter(shape);
    expect(() => shapeOf((x) => F.instanceNorm(x, { weight: p([3]) }), [1, 4, 5, 5])).toThrow(ShapeError);
    expect(() => shapeOf((x) => F.conv2d(x, p([4, 3, 3])), [1, 3, 5, 5])).toThrow(ShapeError);
    expect(() => shapeOf((x) => F.conv2d(x, p([4, 3, 3, 3]), { bias: p([3]) }), [1, 3, 5, 5])).toThrow(
      ShapeError,
    );
    for (const odd of [3, [1, 2], 'weight', new Float32Array(4)])
      expect(() => shapeOf((x) => F.conv2d(x, odd as unknown as nn.Parameter), [1, 3, 5, 5])).toThrow(
        UnsupportedError,
      );
    expect(() => shapeOf((x) => F.groupNorm(x, 3), [1, 4, 5, 5])).toThrow(ShapeError);
  });

  test('weights that are computed have shapes, too', () => {
    expect(shapeOf((x) => F.conv2d(x, x), [1, 3, 5, 5])).toEqual([1, 1, 1, 1]);
    expect(shapeOf((x) => F.conv2d(x, x.mean([2, 3], { keepdim: true })), [2, 3, 5, 5])).toEqual([
      2, 2, 5, 5,
    ]);
    expect(() => shapeOf((x) => F.conv2d(x, x.relu(), { bias: x.mean(0) }), [1, 3, 5, 5])).toThrow(
      ShapeError,
    );
  });

  test('a picture of one pixel', () => {
    expect(() => shapeOf(new CycleGANGenerator({ ngf: 8, nBlocks: 1 }), [1, 3, 1, 1])).toThrow(ShapeError);
  });
});

describe('batch norm', () => {
  test('training with running statistics is refused, eval and statistics of the batch are not', () => {
    const norm = new nn.BatchNorm2d(3);
    expect(() => shapeOf(norm, [2, 3, 4, 4])).toThrow(UnsupportedError);
    expect(shapeOf(norm.eval(), [2, 3, 4, 4])).toEqual([2, 3, 4, 4]);
    expect(shapeOf(new nn.BatchNorm2d(3, { trackRunningStats: false }), [2, 3, 4, 4])).toEqual([2, 3, 4, 4]);
    expect(() => shapeOf((x) => F.batchNorm(x, null, null), [2, 3, 4, 4])).toThrow(ArgumentError);
  });
});

test('containers', () => {
  expect(() => shapeOf(new nn.ModuleList([new nn.ReLU()]), [1])).toThrow(ArgumentError);
  class Two extends nn.Module {
    override forward(x: nn.Value): nn.Value[] {
      return [x, x];
    }
  }
  expect(() => shapeOf(new nn.Sequential(new Two()), [1])).toThrow(/Sequential/);
});

test('names of layers do not depend on the names of classes', () => {
  for (const [name, exported] of Object.entries(nn)) {
    if (typeof exported !== 'function' || !(exported.prototype instanceof nn.Module)) continue;
    expect(Object.getOwnPropertyDescriptor(exported, 'kind')?.value).toBe(name);
  }
});
