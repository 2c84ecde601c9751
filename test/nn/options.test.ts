/** Options: one plain object with known names. What PyTorch takes by position or in snake_case must not go unheard. */
import { ArgumentError, CycleGANGenerator, ResidualBlock } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { traceModule } from '../../dist/nn/trace.js';

const F = nn.functional;
/** What a caller without types may pass. */
const untyped = <T>(value: unknown): T => value as T;

function refusal(body: () => unknown): ArgumentError {
  try {
    body();
  } catch (error) {
    if (error instanceof ArgumentError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('layers', () => {
  test.each<[string, () => unknown, string]>([
    ['a stride by position', () => new nn.Conv2d(3, 3, 3, untyped(2)), '2'],
    ['null', () => new nn.Conv2d(3, 3, 3, untyped(null)), 'null'],
    ['snake_case', () => new nn.Conv2d(3, 3, 3, untyped({ padding_mode: 'reflect' })), 'padding_mode'],
    [
      'snake_case of ConvTranspose2d',
      () => new nn.ConvTranspose2d(3, 3, 3, untyped({ output_padding: 1 })),
      'output_padding',
    ],
    ['an eps by position', () => new nn.InstanceNorm2d(3, untyped(1e-5)), '0.00001'],
    [
      'statistics',
      () => new nn.InstanceNorm2d(3, untyped({ track_running_stats: true })),
      'track_running_stats',
    ],
    ['BatchNorm2d', () => new nn.BatchNorm2d(3, untyped(true)), 'true'],
    ['GroupNorm', () => new nn.GroupNorm(1, 3, untyped({ eps: 1, momentum: 1 })), 'momentum'],
    ['LayerNorm', () => new nn.LayerNorm(3, untyped({ elementwise_affine: false })), 'elementwise_affine'],
    ['ReLU(true)', () => new nn.ReLU(untyped(true)), 'true'],
    ['CycleGANGenerator(3, 3)', () => new CycleGANGenerator(untyped(3)), '3'],
    ['n_blocks', () => new CycleGANGenerator(untyped({ n_blocks: 6 })), 'n_blocks'],
  ])('%s', (_, make, got) => {
    expect(refusal(make)).toMatchObject({ got, wanted: expect.stringContaining('one object of ') });
  });

  test('required arguments that are missing or of another length', () => {
    expect(refusal(() => new nn.LayerNorm(untyped(undefined))).op).toBe('LayerNorm');
    expect(refusal(() => new nn.ReflectionPad2d(untyped(undefined))).op).toBe('ReflectionPad2d');
    expect(refusal(() => new nn.ReflectionPad2d(untyped([1, 2]))).got).toBe('2 numbers');
    expect(refusal(() => new ResidualBlock(Number.NaN)).op).toBe('ResidualBlock');
  });
});

describe('functions', () => {
  const weight = new nn.Parameter([3, 3, 3, 3]);
  const bias = new nn.Parameter([3]);
  test.each<[string, (x: nn.Value) => nn.Value]>([
    ['conv2d with a bias by position', (x) => F.conv2d(x, weight, untyped(bias))],
    ['convTranspose2d', (x) => F.convTranspose2d(x, weight, untyped({ output_padding: 1 }))],
    ['instanceNorm with statistics by position', (x) => F.instanceNorm(x, untyped(null))],
    ['batchNorm with a weight by position', (x) => F.batchNorm(x, bias, bias, untyped(bias))],
    ['groupNorm', (x) => F.groupNorm(x, 3, untyped(bias))],
    ['layerNorm', (x) => F.layerNorm(x, 8, untyped(bias))],
    ['pad with a mode by position', (x) => F.pad(x, [1, 1], untyped('reflect'))],
    ['relu(x, true)', (x) => F.relu(x, untyped(true))],
    ['mean(2, 3)', (x) => x.mean(2, untyped(3))],
    ['mean with keepdim by position', (x) => x.mean([2, 3], untyped(true))],
    ['var with a correction', (x) => x.var([2, 3], untyped({ correction: 0 }))],
  ])('%s', (_, target) => {
    expect(refusal(() => traceModule(target, [{ shape: [1, 3, 8, 8] }])).wanted).toContain('one object of ');
  });
});
