/** layOut: where elements move from one layout to another, and where they do not. */
import { describe, expect, test } from 'vitest';
import { stageGraph } from '../../dist/graph/compile.js';
import type { AnyNode } from '../../dist/graph/graph.js';
import type { LaidOut } from '../../dist/graph/lay_out.js';
import * as nn from '../../dist/nn/index.js';
import { isIdentity } from '../../dist/ops/element_map.js';
import type { Kernels } from '../../dist/ops/kernels.js';
import { layoutBytes, printLayout } from '../../dist/ops/layout.js';
import { isSound, trace } from './build.js';

const F = nn.functional;
const PICTURE = [2, 8, 6, 5] as const;

/** What runs of a graph: without what is computed once of parameters. */
function runs(target: Parameters<typeof trace>[0], ...shapes: readonly (readonly number[])[]): LaidOut {
  const { laidOut, separated } = stageGraph(trace(target, ...shapes));
  expect(isSound(laidOut.graph)).toBe(true);
  return separated.running;
}

/** Its ops; views cost nothing, and are left out. */
const opsOf = ({ graph }: LaidOut): string[] => graph.nodes.map(({ op }) => op).filter((op) => op !== 'view');

const movesOf = ({ graph }: LaidOut): Extract<AnyNode<Kernels>, { op: 'move' }>[] =>
  graph.nodes.flatMap((node) => (node.op === 'move' ? [node] : []));

/** From which layout to which, of each move. */
const waysOf = (laidOut: LaidOut): string[] =>
  movesOf(laidOut).map(({ inputs: [from], outputs: [to] }) => {
    const [before, after] = [laidOut.layouts[from ?? -1], laidOut.layouts[to ?? -1]];
    return before && after ? `${before.kind} to ${after.kind}` : 'nowhere';
  });

const conv = () => new nn.Conv2d(8, 8, 3, { padding: 1 });

describe('moves stand only where layouts disagree', () => {
  test.each<[string, (x: nn.Value) => nn.Value, readonly string[]]>([
    ['element by element, any layout is kept', (x) => x.relu().add(x).sqrt(), ['pointwise']],
    [
      'between convolutions',
      (x) => conv().forward(conv().forward(x).tanh().mul(2)),
      ['move', 'conv2d', 'conv2d', 'move'],
    ],
    [
      'what two read is moved once',
      (x) => conv().forward(x).mul(conv().forward(x)),
      ['move', 'conv2d', 'conv2d', 'move'],
    ],
    [
      'a sum of what lies in blocks and what does not',
      (x) => conv().forward(x).add(x),
      ['move', 'conv2d', 'move'],
    ],
  ])('%s', (_, target, wanted) => {
    expect(opsOf(runs(target, PICTURE))).toEqual(wanted);
  });

  test('of matrices none', () => {
    expect(opsOf(runs((x, y) => x.relu().matmul(y.tanh()).sqrt(), [3, 4], [4, 5]))).toEqual([
      'pointwise',
      'pointwise',
      'pack',
      'matmul',
    ]);
  });
});

describe('views cost nothing', () => {
  test.each<[string, (x: nn.Value) => nn.Value, readonly string[]]>([
    ['of dense elements', (x) => x.relu().view(16, 30).tanh().view(-1), ['pointwise', 'pointwise']],
    [
      'of blocks whose channels stay',
      (x) => conv().forward(conv().forward(x).view(2, 8, 3, 10)),
      ['move', 'conv2d', 'conv2d', 'move'],
    ],
    [
      'and back',
      (x) => conv().forward(conv().forward(x).view(16, 30).view(2, 8, 6, 5)),
      ['move', 'conv2d', 'conv2d', 'move'],
    ],
    ['of an unbatched picture', (x) => conv().forward(x.view(8, 12, 5)), ['move', 'conv2d', 'move']],
  ])('%s', (_, target, wanted) => {
    expect(opsOf(runs(target, PICTURE))).toEqual(wanted);
  });

  test('a reader sees the shape and the factoring that it asked for', () => {
    const { graph, layouts } = runs((x) => conv().forward(x).view(2, 8, 3, 10).mean(2), PICTURE);
    const reduce = graph.nodes.find(({ op }) => op === 'reduce');
    const [read = -1] = reduce?.inputs ?? [];
    expect(graph.values[read ?? -1]?.shape).toEqual([2, 8, 3, 10]);
    expect(layouts[read ?? -1]).toEqual({ kind: 'blocked', dims: [2, 8, 3, 10] });
  });
});

describe('moves that were asked for', () => {
  const [IN, OUT] = ['dense to blocked', 'blocked to dense'];

  test.each<[string, (x: nn.Value) => nn.Value, readonly string[]]>([
    ['a permute and the reorder before it', (x) => conv().forward(x).permute(0, 2, 3, 1), [IN, OUT]],
    ['a permute and the reorder after it', (x) => conv().forward(x.permute(0, 1, 3, 2)), [IN, OUT]],
    ['a slice and the reorder after it', (x) => conv().forward(x.slice(2, 1, 5)), [IN, OUT]],
    [
      'a permute after a slice after a permute',
      (x) => conv().forward(x.permute(3, 2, 1, 0).slice(1, 1).permute(0, 2, 1, 3)),
      [IN, OUT],
    ],
    ['a permute that is viewed', (x) => x.permute(0, 2, 3, 1).view(2, 30, 8).relu(), ['dense to dense']],
  ])('%s are one move', (_, target, wanted) => {
    expect(waysOf(runs(target, PICTURE))).toEqual(wanted);
  });

  test.each<[string, (x: nn.Value) => nn.Value, readonly string[]]>([
    ['at once', (x) => x.permute(0, 2, 3, 1).permute(0, 3, 1, 2).relu(), ['pointwise']],
    [
      'in three steps',
      (x) => x.permute(1, 2, 3, 0).permute(1, 2, 3, 0).permute(2, 3, 0, 1).relu(),
      ['pointwise'],
    ],
    [
      'between convolutions',
      (x) =>
        conv().forward(
          conv().forward(x).permute(0, 2, 3, 1).view(2, 30, 8).permute(0, 2, 1).view(2, 8, 6, 5),
        ),
      ['move', 'conv2d', 'conv2d', 'move'],
    ],
    ['a slice of all', (x) => x.slice(1, 0, 8).relu(), ['pointwise']],
  ])('inverse ones cancel %s', (_, target, wanted) => {
    expect(opsOf(runs(target, PICTURE))).toEqual(wanted);
  });

  test('what one box does not say goes by way of dense elements', () => {
    const laidOut = runs((x) => conv().forward(x).view(5, 96).permute(1, 0).relu(), PICTURE);
    expect(waysOf(laidOut)).toEqual(['dense to blocked', 'blocked to dense', 'dense to dense']);
    expect(movesOf(laidOut).map(({ attributes }) => isIdentity(attributes))).toEqual([true, true, false]);
  });

  test('of parameters once, in the form that the kernel reads', () => {
    const weight = new nn.Parameter([3, 3, 8, 8]);
    expect(opsOf(runs((x) => F.conv2d(x, weight.permute(3, 2, 0, 1)), PICTURE))).toEqual([
      'move',
      'conv2d',
      'move',
    ]);
  });
});

describe('bytes', () => {
  test('a dense [4096, 4096] takes 64 MiB, whatever works on it element by element', () => {
    const { layouts, graph } = runs((x) => x.relu().add(x).mul(2), [4096, 4096]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(['pointwise']);
    const bytes = graph.nodes.flatMap(({ outputs }) => outputs).map((id) => layouts[id]);
    expect(bytes.map((layout) => layout && layoutBytes(layout))).toEqual([64 * 2 ** 20]);
  });

  test('the arena of it holds one such value: programs work in place', () => {
    const { placement } = stageGraph(trace((x) => x.relu().add(x).mul(2), [4096, 4096]));
    expect(placement.arena_bytes).toBe(64 * 2 ** 20);
  });

  test('short ranks lie dense, pictures in blocks of four channels', () => {
    const layoutsOf = (shape: readonly number[]): string[] => {
      const { graph, layouts } = runs((x) => x.permute(...shape.map((_, at) => at).reverse()).relu(), shape);
      return graph.nodes.flatMap(({ outputs }) => outputs.map((id) => printLayout(layouts[id] ?? never())));
    };
    expect(layoutsOf([5, 3])).toEqual(['dense', 'dense']);
    expect(layoutsOf([5, 4, 3])).toEqual(['dense', 'dense']);
    expect(layoutsOf([5, 4, 3, 2])).toEqual(['blocked 2x3x4x5', 'blocked 2x3x4x5', 'dense']);
  });
});

function never(): never {
  throw new Error('a value without layout');
}
