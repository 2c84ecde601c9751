import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALIGNMENT_BYTES, layOut, overlapInTime } from '../../dist/graph/arena.js';
import { neededAtEnds, type ValueId } from '../../dist/graph/graph.js';
import type { Place, Placement } from '../../dist/graph/place.js';
import { printGraph, printPlacement } from '../../dist/graph/print.js';
import { CycleGANGenerator, StyleTransferNetwork } from '../../dist/networks/index.js';
import * as nn from '../../dist/nn/index.js';
import { descriptorOf } from '../../dist/ops/index.js';
import { layoutBytes, sameBytes } from '../../dist/ops/layout.js';
import { placeGraph, trace } from './build.js';

const ranges = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(30), length: fc.nat(10) }),
  { maxLength: 40 },
);

/** Bytes of the arena that hold something from one step to another, both inclusive. */
interface Live {
  readonly label: string;
  readonly start: number;
  readonly end: number;
  readonly first: number;
  last: number;
}

/** Everything that lies in the arena: values with their views, temporaries and scratch. Constants lie elsewhere. */
function liveRanges(placement: Placement): { all: Live[]; values: Map<ValueId, Live> } {
  const { laidOut, steps, buffers } = placement;
  const { graph, layouts } = laidOut;
  const all: Live[] = [];
  const values = new Map<ValueId, Live>();
  const open = (label: string, place: Place, bytes: number, first: number): Live | null => {
    const buffer = buffers[place.buffer];
    if (buffer?.constant != null) return null;
    const start = (buffer?.offset_bytes ?? Number.NaN) + place.offset;
    const live = { label, start, end: start + bytes, first, last: first };
    all.push(live);
    return live;
  };
  const make = (id: ValueId, place: Place, first: number): void => {
    const layout = layouts[id];
    const live = layout && open(`%${id}`, place, layoutBytes(layout), first);
    if (live) values.set(id, live);
  };
  const entering = [
    ...graph.inputs.map(({ value }) => value),
    ...graph.state.flatMap(({ read }) => (read === undefined ? [] : [read])),
  ];
  placement.inputs.forEach(({ place }, at) => {
    make(entering[at] ?? -1, place, -1);
  });
  let next = 0;
  for (const node of graph.nodes) {
    const [source, output] = [node.inputs[0] ?? -1, node.outputs[0] ?? -1];
    if (node.op === 'view') {
      const live = values.get(source);
      if (live !== undefined) values.set(output, live);
      continue;
    }
    const index = next++;
    const step = steps[index];
    if (step === undefined) throw new Error(`${String(node.op)} became no step`);
    for (const id of node.inputs) {
      const live = id === null ? undefined : values.get(id);
      if (live !== undefined) live.last = index;
    }
    step.outputs.forEach((place, at) => {
      make(step.node.outputs[at] ?? -1, place, index);
    });
    for (const place of step.temporaries)
      open('temporary', place, buffers[place.buffer]?.bytes ?? Number.NaN, index);
    if (step.scratch !== null)
      open('scratch', step.scratch, buffers[step.scratch.buffer]?.bytes ?? Number.NaN, index);
  }
  for (const id of neededAtEnds(graph)) {
    const live = values.get(id);
    if (live !== undefined) live.last = steps.length;
  }
  return { all, values };
}

/** Whether `b` is the output of a step whose kernel may write it over `a`, which no later step reads. */
function isInPlace({ steps }: Placement, values: ReadonlyMap<ValueId, Live>, a: Live, b: Live): boolean {
  const step = steps[b.first];
  if (step === undefined || a.last !== b.first || a.start !== b.start || a.end !== b.end) return false;
  if (values.get(step.node.outputs[0] ?? -1) !== b) return false;
  return descriptorOf(step.node.op).inPlace.some((at) => values.get(step.node.inputs[at] ?? -1) === a);
}

/** Pairs of what is alive at the same time and shares bytes. */
function collisions(placement: Placement): string[] {
  const { all, values } = liveRanges(placement);
  return all.flatMap((a, index) =>
    all
      .slice(index + 1)
      .filter((b) => a.first <= b.last && b.first <= a.last && a.start < b.end && b.start < a.end)
      .filter((b) => !isInPlace(placement, values, a, b))
      .map((b) => `${a.label} @${a.start}..${a.end} and ${b.label} @${b.start}..${b.end}`),
  );
}

/** What does not lie in the arena at a multiple of 16 bytes. */
function astray(placement: Placement): Live[] {
  return liveRanges(placement).all.filter(
    ({ start, end }) => !(start % 16 === 0 && start >= 0 && end <= placement.arena_bytes),
  );
}

/** A network of random layers and sums, always [1 or 2, C, H, W] -> the same. */
const KINDS = [
  ...['conv', 'norm', 'relu', 'sum', 'pad', 'scale', 'view', 'mean'],
  ...['cat', 'cat of parts', 'permute', 'matmul', 'constant'],
] as const;
const layers = fc.array(fc.constantFrom(...KINDS), { maxLength: 14 });

function network(kinds: readonly (typeof KINDS)[number][], channels: number): (x: nn.Value) => nn.Value[] {
  const gamma = new nn.Parameter([channels]);
  const square = new nn.Parameter([channels, channels]);
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
      else if (kind === 'cat') seen.push(nn.functional.cat([y, other, y], 1).slice(1, c, 2 * c));
      else if (kind === 'cat of parts')
        seen.push(nn.functional.cat([y.slice(2, 0, 1), other.slice(2, 1)], 2));
      else if (kind === 'permute') seen.push(y.permute(0, 2, 3, 1).tanh().permute(0, 3, 1, 2));
      else if (kind === 'matmul') seen.push(square.matmul(y.view(n, c, h * w)).view(n, c, h, w));
      else if (kind === 'constant') seen.push(y.add(square.matmul(gamma).sqrt().view(c, 1, 1)));
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
          expect(astray(placement)).toEqual([]);
        },
      ),
    );
  });

  test.each([
    ['StyleTransferNetwork', new StyleTransferNetwork()],
    ['CycleGANGenerator', new CycleGANGenerator({ ngf: 16, nBlocks: 3 })],
  ])('%s: no collisions, and every step reads from where the value was made', (_, net) => {
    for (const fused of [true, false]) {
      const placement = placeGraph(trace(net, [1, 3, 45, 51]), { fuse: fused });
      expect(collisions(placement)).toEqual([]);
      expect(astray(placement)).toEqual([]);
      const { values } = liveRanges(placement);
      for (const { node, inputs } of placement.steps) {
        inputs.forEach((place, at) => {
          const live = values.get(node.inputs[at] ?? -1);
          if (place === null || live === undefined) return;
          expect((placement.buffers[place.buffer]?.offset_bytes ?? -1) + place.offset).toBe(live.start);
        });
      }
    }
  });

  test('the test sees two values in one place, and what is written over before it is read', () => {
    const placement = placeGraph(
      trace((x) => x.relu().add(x), [4]),
      { fuse: false },
    );
    expect(collisions(placement)).toEqual([]);
    const [relu, sum] = placement.steps;
    const [x] = placement.inputs;
    if (relu === undefined || sum === undefined || x === undefined) throw new Error('two steps');
    expect(collisions({ ...placement, steps: [{ ...relu, outputs: [x.place] }, sum] })).toHaveLength(1);
  });

  test('an op takes over the storage of an input that dies', () => {
    const { steps } = placeGraph(
      trace((x) => x.relu().tanh(), [1, 4, 3, 3]),
      { fuse: false },
    );
    const [relu, tanh] = steps;
    expect(steps).toHaveLength(2);
    expect(tanh?.outputs).toEqual(relu?.outputs);
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
    expect(kept.steps).toHaveLength(2);
    expect(kept.steps[1]?.outputs).not.toEqual(kept.steps[0]?.outputs);
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
      %1 [1, 3, 10, 10] = pad(%0) pads=[[0 0] [0 0] [1 1] [1 1]] mode=reflect value=0  # 0
      %2 [1, 3, 10, 10] = instance_norm(%1) eps=0.00001  # 1
      %3 [1, 3, 10, 10] = unary(%2) kind=relu numbers=[]  # 2
      return %3
    }
    "
  `);
  expect(printPlacement(placeGraph(graph))).toMatchInlineSnapshot(`
    "placed for 1 worker in 2816 bytes {
      inputs @0 768 bytes
      0: %2 @1600 blocked 1x3x8x8 = move(@0)  # input
      1: %3 @0 blocked 1x3x10x10 = pad(@1600)  # 0
      2: %4 @1728 bytes = statistics(@0) (temporary @1600)  # 1
      3: %5 @0 blocked 1x3x10x10 = pointwise(@0, @1728) in place  # 1
      4: %6 @1600 dense = move(@0)  # 1
      outputs @1600 1200 bytes
      buffer @0 768 bytes, steps 0..0  # input %0
      buffer @1600 1024 bytes, steps 0..1  # %2
      buffer @0 1600 bytes, steps 1..4  # %3
      buffer @1728 48 bytes, steps 2..3  # %4
      buffer @1600 96 bytes, steps 2..2  # temporary
      buffer @1600 1200 bytes, steps 4..5  # %6
    }
    "
  `);
});
