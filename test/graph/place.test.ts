import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALIGNMENT_BYTES, layOut, overlapInTime } from '../../dist/graph/arena.js';
import type { Placement, Step } from '../../dist/graph/place.js';
import { printGraph, printPlacement } from '../../dist/graph/print.js';
import { CycleGANGenerator, StyleTransferNetwork } from '../../dist/networks/index.js';
import * as nn from '../../dist/nn/index.js';
import { sameBytes } from '../../dist/ops/layout.js';
import { placeGraph, trace } from './build.js';

const ranges = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(30), length: fc.nat(10) }),
  { maxLength: 40 },
);

/** Pairs of buffers that are alive at the same time and share bytes. */
function collisions({ buffers }: Placement): string[] {
  return buffers.flatMap((a, index) =>
    buffers
      .slice(index + 1)
      .filter((b) => overlapInTime(a, b))
      .filter((b) => a.offset_bytes < b.offset_bytes + b.bytes && b.offset_bytes < a.offset_bytes + a.bytes)
      .map((b) => `${a.label} @${a.offset_bytes} and ${b.label} @${b.offset_bytes}`),
  );
}

/** A network of random layers and sums, always [1 or 2, C, H, W] -> the same. */
const layers = fc.array(fc.constantFrom('conv', 'norm', 'relu', 'sum', 'pad', 'scale', 'view', 'mean'), {
  maxLength: 14,
});

function network(kinds: readonly string[], channels: number): (x: nn.Value) => nn.Value[] {
  const gamma = new nn.Parameter([channels]);
  return (x) => {
    const [n = 1, c = 1, h = 1, w = 1] = x.shape;
    const seen = [x];
    for (const kind of kinds) {
      const y = seen.at(-1) ?? x;
      const other = seen[Math.floor(seen.length / 2)] ?? x;
      if (kind === 'conv') seen.push(new nn.Conv2d(c, c, 3, { padding: 1 }).forward(y));
      else if (kind === 'norm') seen.push(new nn.InstanceNorm2d(c).forward(y));
      else if (kind === 'relu') seen.push(y.relu());
      else if (kind === 'sum') seen.push(y.add(other));
      else if (kind === 'pad') seen.push(new nn.ZeroPad2d(-1).forward(new nn.ReplicationPad2d(1).forward(y)));
      else if (kind === 'scale') seen.push(y.mul(gamma.view(1, c, 1, 1)));
      else if (kind === 'view')
        seen.push(
          y
            .view(n * c, h * w)
            .tanh()
            .view(n, c, h, w),
        );
      else seen.push(y.sub(y.mean([2, 3], { keepdim: true })));
    }
    return [seen.at(-1) ?? x, seen[Math.floor(seen.length / 3)] ?? x];
  };
}

describe('arena', () => {
  test('ranges that overlap in time never share bytes', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const live = list.map(({ bytes, first, length }) => ({ bytes, first, last: first + length }));
        const { offsets_bytes, bytes } = layOut(live);
        live.forEach((a, i) => {
          const start = offsets_bytes[i] ?? -1;
          expect(start % ALIGNMENT_BYTES).toBe(0);
          expect(start + a.bytes).toBeLessThanOrEqual(bytes);
          live.slice(i + 1).forEach((b, j) => {
            const other = offsets_bytes[i + 1 + j] ?? -1;
            const apart = start + a.bytes <= other || other + b.bytes <= start;
            expect(apart || !overlapInTime(a, b)).toBe(true);
          });
        });
      }),
    );
  });

  test('ranges that follow each other share bytes', () => {
    const { bytes } = layOut([
      { bytes: 640, first: 0, last: 1 },
      { bytes: 640, first: 2, last: 3 },
    ]);
    expect(bytes).toBe(640);
  });
});

describe('place', () => {
  test('no two live values overlap, whatever the network', () => {
    fc.assert(
      fc.property(
        layers,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        (kinds, c, fused, workers) => {
          const placement = placeGraph(trace(network(kinds, c), [2, c, 6, 5]), { fuse: fused, workers });
          expect(collisions(placement)).toEqual([]);
          for (const { offset_bytes, bytes } of placement.buffers) {
            expect(offset_bytes % 16).toBe(0);
            expect(offset_bytes + bytes).toBeLessThanOrEqual(placement.arena_bytes);
          }
        },
      ),
    );
  });

  test.each([
    ['StyleTransferNetwork', new StyleTransferNetwork()],
    ['CycleGANGenerator', new CycleGANGenerator({ ngf: 16, nBlocks: 3 })],
  ])('%s: no collisions, and every step reads what is still there', (_, net) => {
    for (const fused of [true, false]) {
      const placement = placeGraph(trace(net, [1, 3, 45, 51]), { fuse: fused });
      expect(collisions(placement)).toEqual([]);
      placement.steps.forEach((step: Step, index) => {
        const places = step.kind === 'op' ? [...step.inputs, step.output] : [step.input, step.output];
        for (const place of places) {
          const buffer = 'buffer' in place ? placement.buffers[place.buffer] : undefined;
          if (buffer === undefined) continue;
          expect(buffer.first).toBeLessThanOrEqual(index);
          expect(buffer.last).toBeGreaterThanOrEqual(index);
        }
      });
    }
  });

  test('two planar values in, two out: reorders at the ends only, and views are free', () => {
    const { steps } = placeGraph(trace((x) => x.view(2, 12).relu().view(1, 2, 3, 4), [1, 2, 3, 4]));
    expect(steps.map(({ kind }) => kind)).toEqual(['reorder', 'op', 'reorder']);
  });

  test('an op takes over the storage of an input that dies', () => {
    const { steps } = placeGraph(
      trace((x) => x.relu().tanh(), [1, 4, 3, 3]),
      { fuse: false },
    );
    const [, relu, tanh] = steps;
    expect(tanh?.output).toEqual(relu?.output);
    const kept = placeGraph(
      trace(
        (x) => {
          const y = x.relu();
          return [y, y.tanh()];
        },
        [1, 4, 3, 3],
      ),
      { fuse: false },
    );
    expect(kept.steps[2]?.output).not.toEqual(kept.steps[1]?.output);
  });

  test('scratch grows with the workers', () => {
    const graph = trace(new nn.Conv2d(4, 8, 3), [1, 4, 9, 9]);
    const scratch = (workers: number) =>
      placeGraph(graph, { workers }).buffers.find(({ label }) => label === 'scratch')?.bytes;
    expect(scratch(3)).toBe(3 * (scratch(1) ?? Number.NaN));
  });

  test('the arena of the style network at 256x256 is its two largest neighbours, and scratch', () => {
    // 32 channels of 256x256 and 64 of 128x128, both float32.
    const neighbours = (32 * 65536 + 64 * 16384) * 4;
    const { arena_bytes } = placeGraph(trace(new StyleTransferNetwork(), [1, 3, 256, 256]));
    expect(arena_bytes).toBeGreaterThanOrEqual(neighbours);
    // The scratch of Winograd's algorithms is up to 1.5 MB a worker.
    expect(arena_bytes).toBeLessThanOrEqual(1.13 * neighbours);
  });
});

test('layouts that are the same bytes', () => {
  const blocked = (...dims: [number, number, number, number]) => ({ kind: 'blocked', dims }) as const;
  expect(sameBytes(blocked(1, 3, 4, 6), blocked(1, 3, 8, 3))).toBe(true);
  expect(sameBytes(blocked(2, 4, 5, 1), blocked(1, 8, 1, 5))).toBe(true);
  expect(sameBytes(blocked(2, 3, 5, 1), blocked(1, 6, 1, 5))).toBe(false);
  expect(sameBytes(blocked(1, 1, 2, 2), blocked(1, 4, 1, 1))).toBe(false);
});

test('prints are readable and stable', () => {
  const net = new nn.Sequential(new nn.ReflectionPad2d(1), new nn.InstanceNorm2d(3), new nn.ReLU());
  const graph = trace(net, [1, 3, 8, 8]);
  expect(printGraph(graph, 'traced')).toMatchInlineSnapshot(`
    "traced(%0 [1, 3, 8, 8]) {
      %1 [1, 3, 10, 10] = pad(%0) padding=[1 1 1 1] mode=reflect value=0  # 0
      %2 [1, 3, 10, 10] = normalize(%1) dims=[1 3 10 10] statistics=input groups=3 eps=0.00001  # 1
      %3 [1, 3, 10, 10] = unary(%2) kind=relu value=0  # 2
      return %3
    }
    "
  `);
  expect(printPlacement(placeGraph(graph))).toMatchInlineSnapshot(`
    "placed for 1 worker in 2816 bytes {
      inputs @0 768 bytes
      0: %0 @1600 = reorder(@0) planar -> blocked 1x3x8x8
      1: %1 @0 = pad(@1600) blocked 1x3x10x10  # 0
      2: %4 @1728 = statistics(@0) bytes (temporary @1600)  # 1
      3: %3 @0 = normalize(@0, @1728) in place blocked 1x3x10x10  # 1
      4: %3 @1600 = reorder(@0) blocked 1x3x10x10 -> planar
      outputs @1600 1200 bytes
      buffer @0 768 bytes, steps 0..0  # input %0
      buffer @1600 1024 bytes, steps 0..1  # %0
      buffer @0 1600 bytes, steps 1..4  # %1
      buffer @1728 48 bytes, steps 2..3  # opaque %4
      buffer @1600 96 bytes, steps 2..2  # temporary
      buffer @1600 1200 bytes, steps 4..5  # %3
    }
    "
  `);
});
