// Which build is taken, from what the platform can do.
import { expect, test } from 'vitest';
import { chooseBuild } from '../../dist/runtime/builds.js';
import { probe } from '../../dist/runtime/probe.js';

const both = { simd: true, relaxedSimd: true, fused: true, threads: true };
const plain = { ...both, relaxedSimd: false, fused: null };

test('the best build that the platform runs, with the reason', () => {
  expect(chooseBuild(both).name).toBe('relaxed-simd');
  const { name, reason } = chooseBuild(plain);
  expect(name).toBe('simd128');
  expect(reason).toContain('no relaxed SIMD');
});

test('a forced build is taken where it runs, and refused by its type where not', () => {
  expect(chooseBuild(both, 'simd128')).toEqual({ name: 'simd128', reason: 'asked for with { build }' });
  expect(() => chooseBuild(plain, 'relaxed-simd')).toThrow(expect.objectContaining({ code: 'unsupported' }));
  expect(() => chooseBuild(both, 'avx512')).toThrow(
    expect.objectContaining({ code: 'argument', got: 'avx512' }),
  );
});

test('the relaxed build on a platform that does not fuse: the reason says what runs', () => {
  const unfused = { ...both, fused: false };
  for (const asked of [undefined, 'relaxed-simd']) {
    expect(chooseBuild(both, asked).reason).not.toContain('fuse');
    const { name, reason } = chooseBuild(unfused, asked);
    expect(name).toBe('relaxed-simd');
    expect(reason).toContain('does not fuse multiply-adds, so that');
  }
  expect(chooseBuild(unfused, 'simd128').reason).not.toContain('fuse');
});

test('without SIMD there is no engine', () => {
  expect(() => chooseBuild({ ...plain, simd: false })).toThrow(
    expect.objectContaining({ code: 'unsupported' }),
  );
});

test('the probe says what this Node compiles', () => {
  // The runner gives Node 20 its flag for relaxed SIMD; newer ones have it.
  const { fused, ...features } = probe();
  expect(features).toEqual({ simd: true, relaxedSimd: true, threads: true });
  // Not every processor has the instruction.
  expect(fused).toBeTypeOf('boolean');
});
