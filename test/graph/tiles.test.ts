/**
 * No tile is longer than a slice, at any size of picture: what one costs, by the fields of its record and the rates at which each op was
 * measured to be slowest. Only arithmetic; nothing is computed.
 */
import { CycleGANGenerator, StyleTransferNetwork } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';
import type { Graph } from '../../dist/graph/graph.js';
import type { Operators } from '../../dist/graph/operators/index.js';
import type { Step } from '../../dist/graph/place.js';
import { paintingOf } from '../../dist/image/paint.js';
import { descriptorOf } from '../../dist/ops/index.js';
import { RECORD_HEAD_WORDS, recordOf, STEPS, STRIP_ELEMS } from '../../dist/ops/records.gen.js';
import { ALGORITHMS, pointsOf } from '../../dist/ops/winograd_algorithms.js';
import { placeGraph, trace } from './build.js';

const F = nn.functional;
/** Multiplies and adds a millisecond of the convolutions, on one slow core. */
const FLOPS_A_MS = 25e6;
/** Vectors of a tap and a pixel. */
const DEPTHWISE_TAPS_A_MS = 300_000;
/** Pixels of four channels a millisecond: of ops that stream, and of those in float64 or with maps. */
const STREAMED_PX_A_MS = 150_000;
const SLOW_PX_A_MS = 40_000;
/** Pixels that are interpolated. */
const INTERPOLATED_PX_A_MS = 10_000;
/** Parts of a channel that are merged a millisecond, in float64. */
const MERGED_A_MS = 50_000;
/** Elements that are moved a millisecond, each from and to a cache line of its own. */
const MOVED_A_MS = 50_000;
/** What each output of a reduction takes. */
const OUTPUT_MS = 1.2e-4;
const MOST_MS = 5;
const REGISTER_STEPS: readonly number[] = [STEPS.relu.code, STEPS.leaky_relu.code, STEPS.clamp.code];

type Fields = Readonly<Record<string, number>>;

function wordsOf({ node, call, inputs, outputs }: Step): readonly Uint32Array[] {
  return descriptorOf(node.op).records(call, {
    inputs: inputs.map(() => 0),
    outputs: outputs.map(() => 0),
    temporaries: [0, 0],
    scratch: 0,
  });
}

function recordsOf(graph: Graph<Operators>): { readonly name: string; readonly fields: Fields }[] {
  return placeGraph(graph)
    .steps.flatMap(wordsOf)
    .map((words) => {
      const record = recordOf(words[0] ?? 0);
      if (record === undefined) throw new Error(`no record ${words[0]}`);
      const fields = record.fields.map((field, index) => [field, words[RECORD_HEAD_WORDS + index] ?? 0]);
      return { name: record.name, fields: Object.fromEntries(fields) as Fields };
    });
}

function tileMs(name: string, fields: Fields): number {
  const f = (field: string): number => {
    const value = fields[field];
    if (value === undefined) throw new Error(`${name} has no field ${field}`);
    return value;
  };
  /** The steps that so many floats pass, but for one that registers may have had. */
  const passedMs = (floats: number): number => {
    const inRegisters = REGISTER_STEPS.includes(f('step0') & 255) ? 1 : 0;
    return (Math.max(0, f('steps') - inRegisters) * floats) / 4 / SLOW_PX_A_MS;
  };
  switch (name) {
    case 'conv2d': {
      const results = f('tile_rows') * f('tile_cols') * Math.min(f('tile_o'), f('o'));
      return (results * 2 * f('c') * f('kh') * f('kw')) / FLOPS_A_MS + passedMs(results);
    }
    case 'conv_transpose2d': {
      const pixels = f('tile_rows') * f('tile_cols') * Math.min(f('tile_o'), f('o'));
      return (
        (pixels * 2 * f('c') * f('kh') * f('kw')) / FLOPS_A_MS +
        passedMs(pixels * f('stride_h') * f('stride_w'))
      );
    }
    case 'conv_depthwise': {
      const pixels = f('tile_rows') * f('tile_cols') * f('tile_blocks');
      return (pixels * f('kh') * f('kw')) / DEPTHWISE_TAPS_A_MS + passedMs(pixels * 4);
    }
    case 'conv_winograd':
      return winogradMs(f) + passedMs(winogradResults(f));
    case 'pack_conv_winograd':
      return (500 * 8 * f('c') * Math.ceil(f('kh') / 3) * Math.ceil(f('kw') / 3)) / FLOPS_A_MS;
    case 'matmul':
      return (2 * f('tile_m') * f('tile_n') * f('k')) / FLOPS_A_MS + passedMs(f('tile_m') * f('tile_n'));
    case 'pack_matmul':
      return (f('tile_panels') * f('k') * 2) / SLOW_PX_A_MS;
    case 'move_strided':
      return f('tile_elems') / MOVED_A_MS;
    case 'pixels_in':
      return (f('tile_rows') * f('out_w')) / SLOW_PX_A_MS;
    case 'pixels_out': {
      const interpolates = f('chroma') === 1 || f('w') !== f('src_w');
      return (f('tile_rows') * f('w')) / (interpolates ? INTERPOLATED_PX_A_MS : SLOW_PX_A_MS);
    }
    case 'pad':
      return (f('tile_rows') * (f('w') + (f('left') | 0) + (f('right') | 0))) / SLOW_PX_A_MS;
    case 'pointwise':
      return (f('tile_strips') * f('steps') * Math.min(f('row_elems'), STRIP_ELEMS)) / 4 / SLOW_PX_A_MS;
    case 'partial_moments':
      return f('chunk_px') / STREAMED_PX_A_MS;
    case 'instance_norm':
      return (2 * f('h') * f('w')) / STREAMED_PX_A_MS + (f('steps') * f('h') * f('w')) / SLOW_PX_A_MS;
    case 'statistics': {
      const channels = f('groups') === f('c') ? 4 : f('c') / f('groups');
      return (channels * f('parts') * (f('across_batch') === 1 ? f('n') : 1)) / MERGED_A_MS;
    }
    case 'reduce':
      return reduceMs(f);
    default:
      throw new Error(`how long does a tile of ${name} take?`);
  }
}

/** Results of a tile. */
function winogradResults(f: (field: string) => number): number {
  const algorithm = Object.values(ALGORITHMS).find(({ code }) => code === f('algorithm'));
  const [down, across] = [algorithm?.vertical.tile ?? 1, algorithm?.horizontal.tile ?? 1];
  return f('tile_rows') * down * f('tile_cols') * across * Math.min(f('tile_o'), f('o'));
}

/** Products, and transforms of a channel as in the choice of the algorithm: multiplies and adds that they cost. */
function winogradMs(f: (field: string) => number): number {
  const algorithm = Object.values(ALGORITHMS).find(({ code }) => code === f('algorithm'));
  if (algorithm === undefined) throw new Error(`no algorithm ${f('algorithm')}`);
  const [rows, cols] = [f('tile_rows'), f('tile_cols')];
  const inputs = (rows + f('blocks_h') - 1) * (cols + f('blocks_w') - 1) * f('c') * algorithm.input;
  const outputs = Math.min(f('tile_o'), f('o'));
  const steps = f('c') * f('blocks_h') * f('blocks_w');
  const products = rows * cols * outputs * (pointsOf(algorithm) * steps + algorithm.output);
  return (2 * (inputs + products)) / FLOPS_A_MS;
}

function reduceMs(f: (field: string) => number): number {
  const sizes = [f('n'), Math.ceil(f('c') / 4), f('h'), f('w')];
  const reads = sizes.reduce(
    (product, size, axis) => ((f('axes') >> axis) & 1 ? product * size : product),
    1,
  );
  const outputs = Math.min(f('tile_outputs'), sizes.reduce((a, b) => a * b, 1) / reads);
  return outputs * (Math.min(reads, f('chunk_px')) / SLOW_PX_A_MS + OUTPUT_MS);
}

const SIZES: readonly (readonly [height: number, width: number])[] = [
  [6000, 8000],
  [8000, 6000],
  [2, 60_000],
  [60_000, 2],
  [1024, 1024],
];
const painted =
  (network: nn.Module) =>
  ([height, width]: readonly [number, number]) =>
    paintingOf({ network, pictures: { input: { range: [0, 1] }, output: { range: [0, 1] } } }).trace({
      width,
      height,
      channels: 4,
    }).graph;
const one = new nn.Parameter([1]);
const own = new nn.Parameter([3, 1, 5, 5]);
const mixing = new nn.Parameter([3, 3]);
const many = new nn.Parameter([64, 1, 1, 1]);
const up = new nn.Parameter([1, 16, 2, 2]);
const picture =
  (target: (x: nn.Value) => nn.Value, channels = 3) =>
  ([height, width]: readonly [number, number]) =>
    trace(target, [1, channels, height, width]);

/** A network of one channel that doubles sides, and gives colours back. */
function enlarged([height, width]: readonly [number, number]): Graph<Operators> {
  const pictures = { input: { channelOrder: 'luma', sides: {} } } as const;
  class Doubled extends nn.Module {
    override forward(x: nn.Value): nn.Value {
      const [, , h = 0, w = 0] = x.shape;
      const four = F.cat([x, x, x, x], 1).view(1, 1, 2, 2, h, w);
      return four.permute(0, 1, 4, 2, 5, 3).view(1, 1, h * 2, w * 2);
    }
  }
  return paintingOf({ network: new Doubled(), pictures }).trace({ width, height, channels: 4 }).graph;
}

test('no tile of what is enlarged is longer than a slice', () => {
  for (const size of [
    [3000, 4000],
    [1024, 1024],
    [2, 8000],
    [8000, 2],
  ] as const) {
    const records = recordsOf(enlarged(size)).filter(({ name }) => name === 'pixels_out');
    expect(records).toHaveLength(1);
    for (const { name, fields } of records)
      expect(tileMs(name, fields), size.join(' x ')).toBeLessThan(MOST_MS);
  }
});

test.each<[string, (size: readonly [number, number]) => Graph<Operators>]>([
  ['StyleTransferNetwork', painted(new StyleTransferNetwork())],
  ['CycleGANGenerator', painted(new CycleGANGenerator())],
  [
    'a wide one',
    painted(
      new nn.Sequential(new nn.Conv2d(3, 512, 3, { padding: 1 }), new nn.Conv2d(512, 3, 15, { padding: 7 })),
    ),
  ],
  ['a mean over channels', picture((x) => x.mean(1))],
  ['a mean over nothing but ones', picture((x) => x.mean([0, 1]), 1)],
  ['a variance over pixels', picture((x) => x.sub(x.mean([2, 3], { keepdim: true })))],
  ['groups from scratch', picture((x) => x.view(1, 3, -1).var(2))],
  ['a picture as one row', picture((x) => x.view(-1).add(one))],
  ['a row of pixels', picture((x) => F.instanceNorm(x.view(1, 3, -1)))],
  ['a mean of one row', picture((x) => x.view(-1).mean())],
  ['a layer norm', picture((x) => F.layerNorm(x, x.shape.slice(1)))],
  ['rows and columns exchanged', picture((x) => x.permute(0, 1, 3, 2).relu())],
  ['every other pixel', picture((x) => x.slice(-1, 0, undefined, 2).slice(-2, 0, undefined, 2).tanh())],
  ['two pictures', picture((x) => F.cat([x, x], 1).relu())],
  ['colours mixed', picture((x) => x.view(3, -1).permute(1, 0).matmul(mixing))],
  [
    'colours mixed, then sigmoid',
    picture((x) => x.view(3, -1).permute(1, 0).matmul(mixing).sigmoid().tanh()),
  ],
  ['one channel to many, then sigmoid', picture((x) => F.conv2d(x, many).sigmoid().mul(x).tanh(), 1)],
  [
    'a depthwise convolution, then sigmoid',
    picture((x) => F.conv2d(x, own, { groups: 3, padding: 2 }).sigmoid().tanh()),
  ],
  [
    'a transposed convolution, then sigmoid',
    picture((x) => F.convTranspose2d(x, up, { stride: 2 }).sigmoid(), 1),
  ],
  [
    'instance norms, then steps',
    () => trace((x) => F.instanceNorm(x).sigmoid().tanh().mul(2), [1, 32, 256, 256]),
  ],
  ['a depthwise convolution', picture((x) => F.conv2d(x, own, { groups: 3, padding: 2 }))],
  ['a border', picture((x) => F.pad(x, [1, 1, 1, 1], { mode: 'replicate' }).tanh())],
])('no tile of %s is longer than a slice', (_, graphOf) => {
  for (const size of SIZES) {
    for (const { name, fields } of recordsOf(graphOf(size))) {
      const ms = tileMs(name, fields);
      expect(ms, `${name} at ${size.join(' x ')}`).toBeGreaterThan(0);
      expect(ms, `${name} at ${size.join(' x ')}`).toBeLessThan(MOST_MS);
    }
  }
});
