/** How pictures enter and leave a network, as files' metadata, cards and callers say it: what is read, what goes before what, and what is refused. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { ArgumentError, GouacheError, loadModel, ModelFormatError, type PictureContract } from 'gouache';
import { expect, test } from 'vitest';
import { withHeader } from './file.js';

const good = readFileSync(
  new URL('../golden/networks/checkpoints/good/state_dict.safetensors', import.meta.url),
);

/** The good file, a CycleGAN generator, with further metadata. */
function fileWith(metadata: Readonly<Record<string, string>>): Uint8Array {
  const length = good.readUInt32LE(0);
  const header = JSON.parse(good.toString('utf8', 8, 8 + length));
  const all = { network: 'CycleGANGenerator', ngf: '8', n_blocks: '2', ...metadata };
  const data = good.subarray(8 + length);
  const changed = withHeader(JSON.stringify({ ...header, __metadata__: all }), data.length);
  changed.set(data, changed.length - data.length);
  return changed;
}

const fromFile = (pictures: unknown) => loadModel(fileWith({ pictures: JSON.stringify(pictures) })).pictures;
const fromCaller = (pictures: unknown) =>
  loadModel(fileWith({}), { pictures: pictures as PictureContract }).pictures;

/** Says everything. */
const WHOLE: PictureContract = {
  input: {
    channelOrder: 'BGR',
    layout: 'NHWC',
    mean: [0.4, 0.5, 0.6],
    std: 0.25,
    sides: { multipleOf: 16, least: 32 },
    border: 7,
  },
  output: {
    kind: 'picture',
    channelOrder: 'RGB',
    layout: 'NCHW',
    range: [0, 255],
    scale: 4,
    crop: 14,
    which: 'image',
  },
};

test.each([
  ['the metadata', fromFile],
  ['the caller', fromCaller],
])('everything that %s can say is read', (_, read) => {
  expect(read(WHOLE)).toEqual(WHOLE);
  expect(read({ input: { sides: { fixed: [224, 320] } }, output: { which: 2, kind: 'mask' } })).toMatchObject(
    {
      input: { sides: { fixed: [224, 320] } },
      output: { which: 2, kind: 'mask', scale: 1 },
    },
  );
});

test('the caller goes before the file, and the file before the network, entry by entry', () => {
  const bytes = fileWith({
    pictures: JSON.stringify({ input: { range: [0, 1], border: 3 }, output: { range: [0, 2] } }),
  });
  expect(loadModel(bytes).pictures).toEqual({
    input: { range: [0, 1], border: 3, sides: { multipleOf: 4, least: 8 } },
    output: { range: [0, 2], scale: 1 },
  });
  const pictures = {
    input: { mean: 0.5, std: 0.5, channelOrder: 'BGR' },
    output: { scale: undefined },
  } as const;
  expect(loadModel(bytes, { pictures }).pictures).toEqual({
    // A mean and a range would contradict each other.
    input: { channelOrder: 'BGR', mean: 0.5, std: 0.5, border: 3, sides: { multipleOf: 4, least: 8 } },
    output: { range: [0, 2], scale: 1 },
  });
});

test('a contract is a copy: what the caller changes afterwards has no effect', () => {
  const range: [number, number] = [0, 1];
  const { pictures } = loadModel(fileWith({}), { pictures: { input: { range } } });
  range[0] = -5;
  expect(pictures.input?.range).toEqual([0, 1]);
});

const WRONG: readonly [what: string, pictures: unknown, message: RegExp][] = [
  ['a list', [], /pictures cannot be right.*\[\]/],
  ['text', 'RGB', /pictures cannot be right/],
  ['an unknown half', { inputs: {} }, /pictures has an entry that is unknown.*inputs.*input, output/],
  [
    'an unknown entry',
    { input: { channels: 'RGB' } },
    /pictures\.input has an entry that is unknown.*channels/,
  ],
  ['unknown channels', { input: { channelOrder: 'CMYK' } }, /input\.channelOrder.*'CMYK'.*'RGB' or 'BGR'/],
  ['small letters', { output: { channelOrder: 'rgb' } }, /output\.channelOrder/],
  ['an unknown layout', { input: { layout: 'CHW' } }, /layout cannot be right/],
  ['an empty range', { input: { range: [1, 1] } }, /input\.range cannot be right.*\[1, 1\]/],
  ['a range that is too small to divide by', { input: { range: [0, 1e-30] } }, /range/],
  ['a reversed range', { output: { range: [1, -1] } }, /output\.range/],
  ['an endless range', { output: { range: [0, 1e300] } }, /output\.range/],
  ['a range of three', { input: { range: [0, 1, 2] } }, /input\.range/],
  ['a range of text', { input: { range: ['0', '1'] } }, /input\.range/],
  ['a std of 0', { input: { std: 0 } }, /input\.std/],
  ['a negative std', { input: { std: [1, -1, 1] } }, /input\.std/],
  ['two means', { input: { mean: [0, 0] } }, /input\.mean/],
  ['a mean of null', { input: { mean: null } }, /input\.mean.*null/],
  ['both', { input: { range: [0, 1], mean: 0 } }, /pictures\.input says its values twice/],
  ['three means of one channel', { input: { channelOrder: 'grey', mean: [1, 2, 3] } }, /3 numbers.*'grey'/],
  ['half a multiple', { input: { sides: { multipleOf: 2.5 } } }, /input\.sides\.multipleOf/],
  ['a multiple of 0', { input: { sides: { multipleOf: 0 } } }, /input\.sides\.multipleOf/],
  ['a huge least', { input: { sides: { least: 2 ** 31 } } }, /input\.sides\.least/],
  ['a rule and a size', { input: { sides: { least: 8, fixed: 64 } } }, /sides says two things/],
  ['three fixed sides', { input: { sides: { fixed: [1, 2, 3] } } }, /sides\.fixed/],
  ['a negative border', { input: { border: -1 } }, /input\.border/],
  ['an unknown kind', { output: { kind: 'depth' } }, /output\.kind.*'picture' or 'mask'/],
  ['a mask of three channels', { output: { kind: 'mask', channelOrder: 'RGB' } }, /a mask's channel is grey/],
  ['a scale of 0', { output: { scale: 0 } }, /output\.scale/],
  ['a scale of 1000', { output: { scale: 1000 } }, /output\.scale/],
  ['an odd crop', { output: { crop: 3 } }, /output\.crop.*an even number/],
  [
    'luma that leaves as colours',
    { input: { channelOrder: 'luma' }, output: { channelOrder: 'RGB' } },
    /'luma'/,
  ],
  ['colours that leave as luma', { output: { channelOrder: 'luma' } }, /'luma'/],
  ['an output before the first', { output: { which: -1 } }, /output\.which/],
  ['an output of a long name', { output: { which: 'x'.repeat(1000) } }, /output\.which/],
];

test.each(WRONG)('%s', (_, pictures, message) => {
  for (const [read, kind] of [
    [fromFile, ModelFormatError],
    [fromCaller, ArgumentError],
  ] as const) {
    expect(() => read(pictures)).toThrow(kind);
    expect(() => read(pictures)).toThrow(message);
    expect(() => read(pictures)).toThrow(/^loadModel: .*(got|wanted)/s);
  }
});

test.each<[string, Record<string, string>, RegExp]>([
  ['no JSON', { pictures: "{ input: 'RGB' }" }, /metadata pictures is not JSON/],
  ['nothing', { pictures: '' }, /metadata pictures is not JSON/],
  ['deep JSON', { pictures: '['.repeat(100_000) + ']'.repeat(100_000) }, /pictures/],
  ['a prototype', { pictures: '{ "__proto__": { "input": {} } }' }, /entry that is unknown.*__proto__/],
  ['ranges beside it', { pictures: '{}', inputRange: '0..1' }, /metadata say twice/],
])('metadata: %s', (_, metadata, message) => {
  expect(() => loadModel(fileWith(metadata))).toThrow(ModelFormatError);
  expect(() => loadModel(fileWith(metadata))).toThrow(message);
});

test('whatever is in the places of a contract, it is read, or refused by a typed error', () => {
  const bytes = fileWith({});
  const value = fc.oneof(
    fc.constantFrom(
      'RGB',
      'BGR',
      'grey',
      'luma',
      'NCHW',
      'NHWC',
      'mask',
      'picture',
      0,
      1,
      4,
      2 ** 16,
      undefined,
    ),
    fc.jsonValue(),
    fc.anything({ maxDepth: 2 }),
  );
  const entries = (half: object) =>
    fc.record(Object.fromEntries(Object.keys(half).map((key) => [key, value])), { requiredKeys: [] });
  const contract = fc.record(
    { input: entries({ ...WHOLE.input, range: 0 }), output: entries({ ...WHOLE.output, mean: 0, std: 0 }) },
    { requiredKeys: [] },
  );
  let taken = 0;
  fc.assert(
    fc.property(contract, (pictures) => {
      try {
        loadModel(bytes, { pictures: pictures as PictureContract });
        taken++;
      } catch (error) {
        expect(error).toBeInstanceOf(GouacheError);
        expect((error as GouacheError).message.length).toBeLessThan(1000);
      }
    }),
    { numRuns: 600 },
  );
  expect(taken).toBeGreaterThan(0);
});
