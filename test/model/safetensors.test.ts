/** The safetensors reader and loadModel on hostile bytes: a typed error, never anything else. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  CycleGANGenerator,
  GouacheError,
  loadModel,
  ModelFormatError,
  readSafetensors,
  StateDictError,
  StyleTransferNetwork,
} from 'gouache';
import { describe, expect, test } from 'vitest';
import { type FileTensor, safetensors as file, withHeader } from './file.js';

const checkpoints = new URL('../golden/networks/checkpoints/', import.meta.url);

const raw = (header: unknown, dataBytes: number) => withHeader(JSON.stringify(header), dataBytes);

const f32 = (...shape: number[]): FileTensor => ({
  dtype: 'F32',
  shape,
  bytes: 4 * shape.reduce((a, b) => a * b, 1),
});

/** A file of a header that holds an array in an array in an array. */
function nested(start: string, depth: number, end: string): Uint8Array {
  return withHeader(`${start}${'['.repeat(depth)}${']'.repeat(depth)}${end}`, 0);
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** Whether `body` returns or throws one of gouache's errors. */
function answers(body: () => unknown): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof GouacheError) return true;
    throw error;
  }
}

describe('readSafetensors', () => {
  test('names, shapes, dtypes, strides and metadata', () => {
    const bytes = file({ a: f32(2, 3), b: { dtype: 'F16', shape: [], bytes: 2 } }, { network: 'x' });
    const { tensors, metadata } = readSafetensors(bytes);
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    expect(tensors.get('a')).toMatchObject({ dtype: 'F32', shape: [2, 3], strides: [3, 1] });
    expect(tensors.get('a')?.bytes.byteLength).toBe(24);
    expect(tensors.get('b')?.shape).toEqual([]);
    expect(metadata.get('network')).toBe('x');
    expect(readSafetensors(bytes.slice().buffer).tensors.size).toBe(2);
  });

  /** Bytes of 8 elements, by dtype: the list of the format's reference implementation, 0.8. */
  const DTYPES = {
    BOOL: 8,
    F4: 4,
    F6_E2M3: 6,
    F6_E3M2: 6,
    U8: 8,
    I8: 8,
    F8_E5M2: 8,
    F8_E4M3: 8,
    F8_E8M0: 8,
    F8_E4M3FNUZ: 8,
    F8_E5M2FNUZ: 8,
    I16: 16,
    U16: 16,
    F16: 16,
    BF16: 16,
    I32: 32,
    U32: 32,
    F32: 32,
    C64: 64,
    F64: 64,
    I64: 64,
    U64: 64,
  };

  test.each(Object.entries(DTYPES))('%s is read and listed', (dtype, bytes) => {
    const { tensors } = readSafetensors(file({ a: f32(1), b: { dtype, shape: [2, 4], bytes } }));
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    expect(tensors.get('b')).toMatchObject({ dtype, shape: [2, 4], bytes: new Uint8Array(bytes) });
  });

  test.each<[string, Uint8Array, string[]]>([
    ['metadata that is null', file({ a: f32(1) }, null), ['a']],
    ['spaces around the header', withHeader(' {} \n\t ', 0), []],
    ['no tensors', file({}), []],
    ['tensors of no elements', file({ a: f32(0, 3), b: f32(1), c: f32(2, 0) }), ['a', 'b', 'c']],
    ['many axes', file({ a: f32(...new Array<number>(70).fill(1)) }), ['a']],
    [
      'fields that nobody knows',
      raw({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4], stride: [1] } }, 4),
      ['a'],
    ],
    ['shared memory', shared(file({ a: f32(1) })), ['a']],
  ])('%s: as the reference implementation', (_, bytes, names) => {
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(names);
    expect(readSafetensors(bytes).metadata.size).toBe(0);
  });

  test.each(readdirSync(new URL('bad/', checkpoints)).filter((name) => name.endsWith('.safetensors')))(
    'bad/%s',
    (name) => {
      expect(() => readSafetensors(readFileSync(new URL(`bad/${name}`, checkpoints)))).toThrow(
        ModelFormatError,
      );
    },
  );

  test.each<[string, Uint8Array, RegExp]>([
    ['a hole', raw({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, 8), /hole/],
    ['bytes left over', raw({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 8), /do not fill/],
    [
      'the same bytes twice',
      raw(
        {
          a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
          b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        },
        4,
      ),
      /overlap/,
    ],
    [
      'offsets in the wrong order',
      raw({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4),
      /outside/,
    ],
    ['a fractional offset', raw({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 3.5] } }, 4), /outside/],
    [
      'a shape of 2^53',
      raw({ a: { dtype: 'F32', shape: [2 ** 53], data_offsets: [0, 4] } }, 4),
      /impossible/,
    ],
    [
      'a product that overflows',
      raw({ a: { dtype: 'F32', shape: [2 ** 50, 2 ** 50], data_offsets: [0, 4] } }, 4),
      /larger than the file/,
    ],
    ['a header that is a list', raw([], 0), /not an object/],
    ['a tensor that is a number', raw({ a: 3 }, 0), /not described/],
    ['metadata that is not text', file({}, { a: 3 }), /not a string/],
    ['half a byte', file({ a: { dtype: 'F4', shape: [3], bytes: 2 } }), /another size/],
    ['a header nested 7,000 deep', nested('{"a":', 7000, '}'), /not described|impossible|unknown dtype/],
    ['a shape nested 7,000 deep', nested('{"a":{"dtype":"F32","shape":', 7000, '}}'), /impossible/],
    ['a dtype nested 7,000 deep', nested('{"a":{"dtype":', 7000, '}}'), /unknown dtype/],
    ['metadata nested 7,000 deep', nested('{"__metadata__":{"a":', 7000, '}}'), /not a string/],
    [
      'a dtype called constructor',
      file({ a: { dtype: 'constructor', shape: [1], bytes: 4 } }),
      /unknown dtype/,
    ],
    ['a web page', new TextEncoder().encode('<!doctype html><title>404</title>'), /web page/],
    [
      'a Git LFS pointer',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid'),
      /Git LFS/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(ModelFormatError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test.each([new Uint8Array(9), new ArrayBuffer(9), Buffer.alloc(9)])(
    'a buffer that was transferred',
    (bytes) => {
      const buffer = 'buffer' in bytes ? (bytes.buffer as ArrayBuffer) : bytes;
      structuredClone(buffer, { transfer: [buffer] });
      expect(() => readSafetensors(bytes)).toThrow(/too short.*transferred/);
    },
  );

  test('not bytes', () => {
    expect(() => readSafetensors('file.safetensors' as unknown as Uint8Array)).toThrow(/not bytes/);
  });

  test('random and mutated bytes never do worse than a typed error', () => {
    const good = file({ 'a.weight': f32(2, 3), b: f32(4) }, { network: 'CycleGANGenerator', ngf: '8' });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => answers(() => loadModel(bytes))));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = good.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        return answers(() => loadModel(bytes));
      }),
    );
    fc.assert(
      fc.property(fc.nat(good.length), (length) => answers(() => readSafetensors(good.subarray(0, length)))),
    );
  });
});

describe('loadModel', () => {
  const good = () => readFileSync(new URL('good/state_dict.safetensors', checkpoints));
  /** The good file with other metadata. */
  const withMetadata = (metadata: Readonly<Record<string, string>>): Uint8Array => {
    const bytes = good();
    const length = bytes.readUInt32LE(0);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
    const changed = raw({ ...header, __metadata__: metadata }, bytes.length - 8 - length);
    changed.set(bytes.subarray(8 + length), changed.length - (bytes.length - 8 - length));
    return changed;
  };
  const fitting = { network: 'CycleGANGenerator', ngf: '8', n_blocks: '2' };

  test('snake_case and camelCase arguments, default ranges', () => {
    for (const metadata of [fitting, { network: 'CycleGANGenerator', ngf: '8', nBlocks: '2' }]) {
      const model = loadModel(withMetadata(metadata));
      expect(model.network).toBeInstanceOf(CycleGANGenerator);
      expect(model.network.training).toBe(false);
      expect(model.pictures).toEqual({
        input: { sides: { multipleOf: 4, least: 8 } },
        output: { scale: 1 },
      });
    }
  });

  test('ranges and name', () => {
    const model = loadModel(
      withMetadata({ ...fitting, inputRange: '0..255', outputRange: '0..1', name: 'zebra' }),
    );
    expect(model).toMatchObject({
      pictures: { input: { range: [0, 255] }, output: { range: [0, 1] } },
      name: 'zebra',
    });
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['no network', {}, /does not say which network/],
    ['an unknown network', { network: 'Nope' }, /unknown network/],
    ['a network called constructor', { network: 'constructor' }, /unknown network/],
    ['a huge argument', { ...fitting, n_blocks: '99999999' }, /n_?[bB]locks cannot be right/],
    ['a negative argument', { ...fitting, ngf: '-8' }, /ngf cannot be right/],
    ['not a number', { ...fitting, ngf: '8e3' }, /ngf cannot be right/],
    ['contradiction', { ...fitting, nBlocks: '3' }, /contradicts itself/],
    ['an empty range', { ...fitting, inputRange: '1..1' }, /inputRange cannot be right/],
    ['a range that is none', { ...fitting, outputRange: 'Infinity..NaN' }, /outputRange cannot be right/],
  ])('%s', (_, metadata, message) => {
    expect(() => loadModel(withMetadata(metadata))).toThrow(ModelFormatError);
    expect(() => loadModel(withMetadata(metadata))).toThrow(message);
  });

  test('weights of another network', () => {
    expect(() => loadModel(withMetadata({ network: 'StyleTransferNetwork' }))).toThrow(StateDictError);
    expect(() => loadModel(withMetadata({ ...fitting, ngf: '16' }))).toThrow(StateDictError);
    expect(() => new StyleTransferNetwork().loadStateDict(readSafetensors(good()).tensors)).toThrow(
      /another network/,
    );
  });
});

test('what is another kind of file is told so, and not that its header is long', () => {
  for (const name of ['package.json', 'docs/images/coffee.jpg']) {
    const bytes = readFileSync(new URL(`../../${name}`, import.meta.url));
    for (const read of [readSafetensors, loadModel])
      expect(() => read(bytes), name).toThrow(/no safetensors file, or only a part of one/);
  }
});
