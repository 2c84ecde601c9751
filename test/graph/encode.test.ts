import { describe, expect, test } from 'vitest';
import { StateDictError, UnsupportedError } from '../../dist/errors.js';
import { arenaOperand, relocatable, standIn } from '../../dist/graph/assemble.js';
import { compileGraph } from '../../dist/graph/compile.js';
import type { EncodedPlan } from '../../dist/graph/plan.js';
import * as nn from '../../dist/nn/index.js';
import { epilogueFields } from '../../dist/ops/epilogue.js';
import { programFields } from '../../dist/ops/program_fields.js';
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  type MatmulFields,
  matmul,
  PLAN_MAGIC,
  RECORD_HEAD_WORDS,
  REGION_ARENA,
  REGION_WEIGHTS,
  recordOf,
} from '../../dist/ops/records.gen.js';
import { Tensor } from '../../dist/tensor/tensor.js';
import { trace } from './build.js';

function filled(shape: readonly number[]): Tensor {
  return Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
}

function loaded<M extends nn.Module>(module: M): M {
  for (const [, parameter] of module.stateDict()) parameter.set(filled(parameter.shape));
  return module;
}

/** Records of a plan: name and words. */
function records({ words }: EncodedPlan): { name: string; words: Uint32Array }[] {
  return Array.from({ length: words[HEADER.records] ?? 0 }, (_, index) => {
    const start = words[HEADER_WORDS + index * ENTRY_WORDS] ?? 0;
    const record = words.subarray(start, start + (words[start + 1] ?? 0));
    return { name: recordOf(record[0] ?? 0)?.name ?? '?', words: record };
  });
}

/** Words with a region in the top bits, taken for operands of fields that the record lists first. */
function region(word: number): number {
  return word >>> 30;
}

const NOTHING: MatmulFields = {
  ...programFields([]),
  ...epilogueFields([1, 1, 1], []),
  a: 0,
  b: 0,
  bias: 0,
  y: 0,
  batch: 1,
  m: 1,
  k: 1,
  n: 1,
  aStep: 0,
  bStep: 0,
  yStep: 0,
  aRowStep: 1,
  yRowStep: 1,
  tileM: 1,
  tileN: 8,
};

describe('encode', () => {
  const net = () =>
    loaded(
      new nn.Sequential(new nn.Conv2d(3, 8, 3), new nn.InstanceNorm2d(8, { affine: true }), new nn.ReLU()),
    );

  test('header, directory and records', () => {
    const { encoded, rows, weights } = compileGraph(trace(net(), [1, 3, 9, 9]), { workers: 2 });
    expect(encoded.words[HEADER.magic]).toBe(PLAN_MAGIC);
    expect(encoded.words[HEADER.workers]).toBe(2);
    expect(records(encoded).map(({ name }) => name)).toEqual([
      'move_strided',
      'conv2d',
      'statistics',
      'pointwise',
      'move_strided',
    ]);
    expect(rows.map(({ op }) => op)).toEqual(records(encoded).map(({ name }) => name));
    expect(rows[1]).toMatchObject({ name: '0', flops: 2 * 8 * 3 * 9 * 49 });
    // The bias has no effect and is not even packed.
    expect(weights).toHaveLength(3);
    expect(encoded.inputs[0]?.bytes).toBe(3 * 81 * 4);
    expect(encoded.outputs[0]?.bytes).toBe(8 * 49 * 4);
  });

  test('relocations point at weight operands, each of its own weight', () => {
    const { encoded, weights } = compileGraph(trace(net(), [1, 3, 9, 9]), { fuse: false });
    expect(encoded.relocations.length).toBe(4);
    expect(new Set(encoded.relocations.map(({ weight }) => weight))).toEqual(new Set(weights.keys()));
    for (const { word } of encoded.relocations) expect(region(encoded.words[word] ?? 0)).toBe(REGION_WEIGHTS);
  });

  test('relocatable tells weights from numbers that look like them', () => {
    // Words of -0.25 and of a step's arguments have the region's bits.
    const program = programFields([{ step: 'mul', args: [-0.25] }]);
    const words = matmul({
      ...NOTHING,
      ...program,
      a: standIn(1),
      b: arenaOperand(64),
      y: standIn(0),
      n: 2 ** 31,
    });
    const places = relocatable(words).relocations.map(({ word, weight }) => [
      recordOf(words[0] ?? 0)?.fields[word - RECORD_HEAD_WORDS],
      weight,
    ]);
    expect(places).toEqual([
      ['a', 1],
      ['y', 0],
    ]);
    expect([words[RECORD_HEAD_WORDS], words[RECORD_HEAD_WORDS + 1]].map((word) => region(word ?? 0))).toEqual(
      [2, 1],
    );
  });

  test('parameters without values are all named', () => {
    const empty = new nn.Sequential(
      new nn.Conv2d(3, 8, 3),
      new nn.Tanh(),
      new nn.Conv2d(8, 3, 1, { bias: false }),
    );
    let error: unknown;
    try {
      compileGraph(trace(empty, [1, 3, 9, 9]));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(StateDictError);
    expect((error as StateDictError).missing).toEqual(['0.weight', '0.bias', '2.weight']);
    expect((error as StateDictError).message).toMatch(/loadStateDict/);
  });

  test('a layer used twice is packed once; new values make a new key', () => {
    const conv = loaded(new nn.Conv2d(4, 4, 3, { padding: 1 }));
    const keys = () =>
      compileGraph(
        trace((x) => conv.forward(conv.forward(x)), [1, 4, 6, 6]),
        {},
      ).weights.map(({ key }) => key);
    const before = keys();
    expect(before).toHaveLength(2);
    expect(keys()).toEqual(before);
    conv.weight.set(filled([4, 4, 3, 3]));
    const after = keys();
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
  });
});

describe('packed weights', () => {
  /** The only weight of a graph, where `use` reads the parameter. */
  const prepare = (
    stored: nn.StoredTensor,
    use: (p: nn.Parameter) => (x: nn.Value) => nn.Value = (p) => (x) => x.add(p),
    shape = stored.shape,
  ) => {
    const [weight, ...others] = compileGraph(trace(use(new nn.Parameter(stored)), shape)).weights;
    if (weight === undefined || others.length > 0) throw new Error('one parameter is packed');
    return weight.encode();
  };
  const convolved = (p: nn.Parameter) => (x: nn.Value) => nn.functional.conv2d(x, p);
  const names = ({ prepare: plan }: ReturnType<typeof prepare>) => records(plan).map(({ name }) => name);

  test('the plan that packs is made once, for foreseeing its memory and for running it', () => {
    const p = new nn.Parameter([2]);
    p.set(filled([2]));
    const [weight] = compileGraph(trace((x) => x.add(p), [2])).weights;
    expect(weight?.encode()).toBe(weight?.encode());
  });

  test('dense float32 is packed as it is, and copied where it is read as it is', () => {
    const [bytes, dtype] = [new Uint8Array(96), 'F32'] as const;
    const packed = prepare({ bytes, dtype, shape: [2, 3, 2, 2], strides: [12, 4, 2, 1] }, convolved, [
      ...[1, 3, 5, 5],
    ]);
    const copied = prepare({ bytes, dtype, shape: [2, 3, 4], strides: [12, 4, 1] });
    expect([names(packed), names(copied)]).toEqual([['pack_conv2d'], ['convert']]);
    for (const plan of [packed, copied]) {
      expect(plan.raw[0]?.byteLength).toBe(96);
      expect(plan.prepare.relocations).toEqual([{ word: expect.any(Number), weight: 0 }]);
    }
  });

  test('what is calculated of parameters is one weight, packed once whoever asks', () => {
    const [p, q] = [new nn.Parameter(filled([3])), new nn.Parameter(filled([3]))];
    const weightsOf = (body: (x: nn.Value) => nn.Value) => compileGraph(trace(body, [2, 3])).weights;
    const [weight, ...others] = weightsOf((x) => x.add(p.mul(q).sqrt()));
    expect(others).toEqual([]);
    expect(weight?.parameters).toEqual([p, q]);
    expect(weight && names(weight.encode())).toEqual(['pointwise']);
    const again = weightsOf((x) => x.mul(2).add(p.mul(q).sqrt()));
    expect(again.map(({ key }) => key)).toEqual([weight?.key]);
    const other = weightsOf((x) => x.add(q.mul(p).sqrt()));
    expect(other.map(({ key }) => key)).not.toEqual([weight?.key]);
    q.set(filled([3]));
    expect(weightsOf((x) => x.add(p.mul(q).sqrt())).map(({ key }) => key)).not.toEqual([weight?.key]);
  });

  test('a result of more than twice its sources is computed in each run', () => {
    const [row, column] = [new nn.Parameter(filled([1, 40])), new nn.Parameter(filled([40, 1]))];
    const { weights, rows } = compileGraph(trace((x) => x.add(row.mul(column)), [40, 40]));
    expect(weights.map(({ parameters }) => parameters)).toEqual([[row], [column]]);
    expect(rows.filter(({ op }) => op === 'pointwise')).toHaveLength(2);
  });

  test.each([
    ['F16', 2, 1],
    ['BF16', 2, 2],
    ['F64', 8, 3],
  ] as const)('%s is converted first', (dtype, bytes, code) => {
    const plan = prepare({ bytes: new Uint8Array(24 * bytes), dtype, shape: [2, 3, 4], strides: [12, 4, 1] });
    const [convert] = records(plan.prepare);
    expect(names(plan)).toEqual(['convert']);
    const shape = [2, 3, 2, 2];
    const strides = [12, 4, 2, 1];
    const packed = prepare(
      { bytes: new Uint8Array(24 * bytes), dtype, shape, strides },
      convolved,
      [1, 3, 5, 5],
    );
    expect(names(packed)).toEqual(['convert', 'pack_conv2d']);
    const fields = recordOf(convert?.words[0] ?? 0)?.fields ?? [];
    const at = (field: string) => convert?.words[4 + fields.indexOf(field)];
    expect([at('dtype'), at('src_bytes')]).toEqual([code, 24 * bytes]);
    expect([at('d0'), at('d1'), at('d2'), at('d3'), at('s3')]).toEqual([1, 1, 1, 24, 1]);
    expect(region(at('src') ?? 0)).toBe(REGION_ARENA);
  });

  test('strides are kept: a transposed tensor, and one number repeated', () => {
    const axes = (stored: nn.StoredTensor) => {
      const convert = records(prepare(stored).prepare)[0];
      return [...(convert?.words.subarray(-8) ?? [])];
    };
    expect(axes({ bytes: new Uint8Array(24), dtype: 'F32', shape: [2, 3], strides: [1, 2] })).toEqual([
      1, 1, 2, 3, 0, 0, 1, 2,
    ]);
    expect(axes({ bytes: new Uint8Array(4), dtype: 'F32', shape: [2, 3], strides: [0, 0] })).toEqual([
      1, 1, 1, 6, 0, 0, 0, 0,
    ]);
  });

  test('int64 numbers are refused', () => {
    expect(() => prepare({ bytes: new Uint8Array(16), dtype: 'I64', shape: [2], strides: [1] })).toThrow(
      UnsupportedError,
    );
  });
});
