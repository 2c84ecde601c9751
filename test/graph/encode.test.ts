import { describe, expect, test } from 'vitest';
import { StateDictError, UnsupportedError } from '../../dist/errors.js';
import { relocatable } from '../../dist/graph/assemble.js';
import { compileGraph } from '../../dist/graph/compile.js';
import type { EncodedPlan } from '../../dist/graph/plan.js';
import * as nn from '../../dist/nn/index.js';
import {
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  PLAN_MAGIC,
  RECORDS,
  REGION_ARENA,
  REGION_WEIGHTS,
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
    return { name: RECORDS[record[0] ?? 0]?.name ?? '?', words: record };
  });
}

/** Words with a region in the top bits, taken for operands of fields that the record lists first. */
function region(word: number): number {
  return word >>> 30;
}

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
      'reorder',
      'conv2d',
      'statistics',
      'normalize',
      'reorder',
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
    const looksLikeWeight = (REGION_WEIGHTS << 30) | 1;
    const [record] = relocatable(2, ([a = 0, b = 0]) => [Uint32Array.of(looksLikeWeight >>> 0, b, 7, a, b)]);
    expect(record?.relocations).toEqual([
      { word: 1, weight: 1 },
      { word: 3, weight: 0 },
      { word: 4, weight: 1 },
    ]);
    expect(record?.words[0]).toBe(looksLikeWeight >>> 0);
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
  const prepare = (stored: nn.StoredTensor) => {
    const p = new nn.Parameter(stored);
    const [weight] = compileGraph(trace((x) => x.add(p), stored.shape)).weights;
    if (weight === undefined) throw new Error('a parameter is packed');
    return weight.encode();
  };

  test('dense float32 needs no conversion', () => {
    const plan = prepare({ bytes: new Uint8Array(96), dtype: 'F32', shape: [2, 3, 4], strides: [12, 4, 1] });
    expect(records(plan.prepare).map(({ name }) => name)).toEqual(['reorder']);
    expect(plan.raw[0]?.byteLength).toBe(96);
    expect(plan.prepare.relocations).toEqual([{ word: expect.any(Number), weight: 0 }]);
  });

  test.each([
    ['F16', 2, 1],
    ['BF16', 2, 2],
    ['F64', 8, 3],
  ] as const)('%s is converted first', (dtype, bytes, code) => {
    const plan = prepare({ bytes: new Uint8Array(24 * bytes), dtype, shape: [2, 3, 4], strides: [12, 4, 1] });
    const [convert] = records(plan.prepare);
    expect(records(plan.prepare).map(({ name }) => name)).toEqual(['convert', 'reorder']);
    const fields = RECORDS[convert?.words[0] ?? 0]?.fields ?? [];
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
