/** What state dicts may hold, that parameters own what they hold, and what an error says to do. */
import {
  ArgumentError,
  CycleGANGenerator,
  Engine,
  loadModel,
  readSafetensors,
  StateDictError,
  StyleTransferNetwork,
  Tensor,
  UnsupportedError,
} from 'gouache';
import * as nn from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { safetensors } from '../model/file.js';
import { thrownBy } from '../thrown_by.js';

const zeros = (shape: readonly number[]): Tensor =>
  Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);

/** A fitting state dict of zeros. */
const zeroState = (module: nn.Module): Record<string, Tensor> =>
  Object.fromEntries([...module.stateDict()].map(([key, { shape }]) => [key, zeros(shape)]));

const stored = (dtype: nn.StoredDtype, shape: readonly number[] = [], bytes = 8): nn.StoredTensor => ({
  bytes: new Uint8Array(bytes),
  dtype,
  shape,
  strides: shape.map(() => 1),
});

const INTEGERS = ['BOOL', 'U8', 'I8', 'U16', 'I16', 'U32', 'I32', 'U64', 'I64'] as const;
const NARROW = ['F8_E4M3', 'F8_E5M2', 'F4', 'C64'] as const;

describe('dtypes', () => {
  test.each([...INTEGERS, 'F32', 'F64', 'F16', 'BF16'] as const)('a counter of %s', (dtype) => {
    const norm = new nn.BatchNorm2d(1);
    norm.loadStateDict({ ...zeroState(norm), num_batches_tracked: stored(dtype) });
    expect(norm.numBatchesTracked?.stored?.dtype).toBe(dtype);
  });

  test.each([...INTEGERS, ...NARROW])('%s is no weight, and the error names key and dtype', (dtype) => {
    const norm = new nn.BatchNorm2d(1);
    const before = norm.weight?.stored;
    const error = thrownBy(() =>
      norm.loadStateDict({ ...zeroState(norm), weight: stored(dtype, [1]) }, { strict: false }),
    );
    expect(error).toBeInstanceOf(StateDictError);
    expect(error).toMatchObject({
      mismatched: ['weight'],
      message: expect.stringContaining(`wrong dtype: weight ${dtype}`),
      hint: expect.stringContaining('float32'),
    });
    expect(norm.weight?.stored).toBe(before);
    expect(() => new nn.Parameter(stored(dtype, [1]))).toThrow(UnsupportedError);
    expect(() => new nn.Parameter([1]).set(stored(dtype, [1]))).toThrow(UnsupportedError);
    expect(new nn.Buffer(stored(dtype, [1])).stored?.dtype).toBe(dtype);
  });

  test('[1] loads into a scalar, as in PyTorch; nothing else does', () => {
    const norm = new nn.BatchNorm2d(1);
    for (const counter of [stored('I32', [1]), zeros([1])]) {
      norm.loadStateDict({ ...zeroState(norm), num_batches_tracked: counter });
      expect(norm.numBatchesTracked?.stored).toMatchObject({ shape: [], strides: [] });
    }
    const load = (counter: Tensor) => () =>
      norm.loadStateDict({ ...zeroState(norm), num_batches_tracked: counter });
    expect(load(zeros([2]))).toThrow(StateDictError);
    expect(load(zeros([1, 1]))).toThrow(StateDictError);
  });

  test('a file with tensors of other dtypes loads without them', () => {
    const conv = new nn.Conv2d(1, 1, 1);
    const file = safetensors({
      mask: { dtype: 'BOOL', shape: [3], bytes: 3 },
      weight: { dtype: 'F32', shape: [1, 1, 1, 1], bytes: 4 },
      bias: { dtype: 'F16', shape: [1], bytes: 2 },
      steps: { dtype: 'I32', shape: [], bytes: 4 },
    });
    const { tensors } = readSafetensors(file);
    expect(conv.loadStateDict(tensors, { strict: false })).toEqual({
      missing: [],
      unexpected: ['mask', 'steps'],
    });
  });
});

describe('what is loaded is a copy', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.create({ threads: 1 });
  });
  afterAll(() => engine.dispose());

  /** A file of a 1x1 convolution that multiplies by `weight`. */
  const file = (weight: number): Uint8Array<ArrayBuffer> => {
    const bytes = safetensors({
      weight: { dtype: 'F32', shape: [1, 1, 1, 1], bytes: 4 },
      bias: { dtype: 'F32', shape: [1], bytes: 4 },
    });
    new DataView(bytes.buffer).setFloat32(bytes.length - 8, weight, true);
    return bytes;
  };
  const result = async (conv: nn.Module) => {
    const y = await engine.run(conv, Tensor.from([1], [1, 1, 1, 1]));
    return (y as Tensor).data[0];
  };
  const gone = (buffer: ArrayBuffer) => structuredClone(buffer, { transfer: [buffer] });

  test.each<[string, (buffer: Uint8Array<ArrayBuffer>) => void]>([
    ['written to', (bytes) => void bytes.fill(0)],
    ['transferred', ({ buffer }) => void gone(buffer)],
  ])('the buffer may be %s after readSafetensors, and after loadStateDict', async (_, spoil) => {
    const bytes = file(3);
    const { tensors } = readSafetensors(bytes);
    spoil(bytes);
    const conv = new nn.Conv2d(1, 1, 1);
    conv.loadStateDict(tensors);
    for (const tensor of tensors.values()) spoil(tensor.bytes as Uint8Array<ArrayBuffer>);
    expect(await result(conv)).toBe(3);
  });

  test.each<[string, (stored: nn.StoredTensor) => nn.Parameter]>([
    ['new Parameter', (weight) => new nn.Parameter(weight)],
    [
      'set',
      (weight) => {
        const parameter = new nn.Parameter([1]);
        parameter.set(weight);
        return parameter;
      },
    ],
  ])('%s copies bytes and shape, of a Node Buffer too', (_, make) => {
    const bytes = Buffer.from([0, 0, 128, 63]);
    const shape = [1];
    const { stored } = make({ bytes, dtype: 'F32', shape, strides: [1] });
    bytes.fill(0);
    shape[0] = 7;
    expect(stored).toMatchObject({ bytes: Uint8Array.of(0, 0, 128, 63), shape: [1] });
  });

  test('loadModel copies', async () => {
    const net = new CycleGANGenerator({ ngf: 1, nBlocks: 0 });
    const bytes = safetensors(
      Object.fromEntries(
        [...net.stateDict()].map(([key, { shape }]) => {
          const bytes = 4 * shape.reduce((a, b) => a * b, 1);
          return [key, { dtype: 'F32', shape, bytes }];
        }),
      ),
      { network: 'CycleGANGenerator', ngf: '1', nBlocks: '0' },
    );
    const floats = () => [...loaded.stateDict().values()].map(({ stored }) => stored?.bytes.slice());
    const { network: loaded } = loadModel(bytes);
    const before = floats();
    bytes.fill(255);
    expect(floats()).toEqual(before);
    gone(bytes.buffer);
    await engine.run(loaded, zeros([1, 3, 16, 16]));
  });

  test('a Tensor whose numbers were transferred is refused', () => {
    const tensor = zeros([1]);
    gone(tensor.data.buffer);
    expect(() => new nn.Parameter(tensor)).toThrow('the bytes do not hold the shape');
    expect(() =>
      new nn.InstanceNorm2d(1, { affine: true }).loadStateDict({ weight: tensor, bias: tensor }),
    ).toThrow('the bytes do not hold the shape');
  });
});

describe('hints', () => {
  const net = () => new nn.Sequential(new nn.Conv2d(3, 4, 3), new nn.BatchNorm2d(4));
  const prefixed = (prefix: string) =>
    Object.entries(zeroState(net())).map(([key, tensor]): [string, Tensor] => [`${prefix}${key}`, tensor]);

  /** Runs the line that the hint gives, on `tensors`. */
  function follow(module: nn.Module, tensors: nn.StateDictSource): nn.LoadResult {
    const error = thrownBy(() => module.loadStateDict(tensors));
    expect(error).toBeInstanceOf(StateDictError);
    const [line] = /loadStateDict\(.*$/.exec((error as StateDictError).hint ?? '') ?? [];
    return new Function('module', 'tensors', `return module.${line}`)(module, tensors);
  }

  test.each<[string, [string, Tensor][]]>([
    ['_orig_mod.', prefixed('_orig_mod.')],
    ['module.', prefixed('module.')],
    ['module. with a foreign key', [...prefixed('module.'), ['epoch', zeros([1])]]],
    ['module._orig_mod.', prefixed('module._orig_mod.')],
    [
      'netG. beside another network',
      [...prefixed('netG.'), ['netD.0.weight', zeros([2])], ['netD.0.bias', zeros([2])]],
    ],
    ["a prefix that is no name: '\\\n`", prefixed("'\\\n`.")],
  ])('%s: the line to copy loads it', (_, entries) => {
    for (const tensors of [new Map(entries), Object.fromEntries(entries)])
      expect(follow(net(), tensors)).toEqual({ missing: [], unexpected: [] });
  });

  test('a prefix that is missing: the line to copy loads it', () => {
    const outer = new nn.Sequential({ model: net() });
    const entries = prefixed('');
    for (const tensors of [new Map(entries), Object.fromEntries(entries)])
      expect(follow(outer, tensors)).toEqual({ missing: [], unexpected: [] });
  });

  test('two networks of one kind are both named', () => {
    const error = thrownBy(() =>
      net().loadStateDict(new Map([...prefixed('netG_A.'), ...prefixed('netG_B.')])),
    );
    expect(error).toMatchObject({ hint: expect.stringContaining('"netG_A." or "netG_B."') });
  });

  test.each<[string, () => unknown, string]>([
    ['a whole file', () => readSafetensors(safetensors({})), 'readSafetensors(bytes).tensors'],
    ['bytes', () => new Uint8Array(4), 'readSafetensors(bytes).tensors'],
    ['an ArrayBuffer', () => new ArrayBuffer(4), 'readSafetensors(bytes).tensors'],
    ['a promise', () => Promise.resolve(new Map()), 'Await'],
    ['a module', () => net(), 'module.stateDict()'],
    ['a model', () => ({ network: net() }), 'model.network.stateDict()'],
    ['a Map with a number as key', () => new Map([[0, zeros([1])]]), 'readSafetensors(bytes).tensors'],
    ['a Tensor', () => zeros([1]), 'readSafetensors(bytes).tensors'],
    ['null', () => null, 'readSafetensors(bytes).tensors'],
    ['a number', () => 3, 'readSafetensors(bytes).tensors'],
  ])('%s is not a state dict', (_, source, says) => {
    const error = thrownBy(() => net().loadStateDict(source() as nn.StateDictSource));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toMatchObject({ message: expect.stringContaining(says) });
  });

  test('only what { strict: false } helps with advises it', () => {
    const hintOf = (change: Record<string, nn.StateDictEntry>, without: string[] = []) => {
      const state: Record<string, nn.StateDictEntry> = { ...zeroState(net()), ...change };
      for (const key of without) delete state[key];
      const error = thrownBy(() => net().loadStateDict(state));
      return (error as StateDictError).hint;
    };
    expect(hintOf({ extra: zeros([1]) })).toContain('strict: false');
    expect(hintOf({}, ['0.bias'])).toContain('strict: false');
    expect(hintOf({ '0.biases': zeros([4]) }, ['0.bias'])).toContain('strict: false');
    expect(hintOf({ '0.bias': zeros([5]) })).toContain('arguments that the weights were trained with');
    expect(hintOf({ '0.bias': zeros([5]), extra: zeros([1]) })).not.toContain('{ strict: false } passes');
    expect(hintOf({ '0.bias': [0, 0, 0, 0] as never, extra: zeros([1]) })).toContain('Tensor.from');
    expect(hintOf({ '0.bias': new nn.Parameter([4]) })).toContain('no values yet');
    expect(hintOf({}, Object.keys(zeroState(net())))).toContain('empty');
  });

  /** Some keys of each, as its own project names them. */
  const FOREIGN: [name: string, keys: string[]][] = [
    ['ResnetGenerator', ['model.1.weight', 'model.10.conv_block.1.weight', 'model.26.bias']],
    ['ResnetGenerator', ['netG.model.1.weight', 'netG.model.10.conv_block.6.weight']],
    ['UnetGenerator', ['model.model.0.weight', 'model.model.1.model.1.weight']],
    ['TransformerNet', ['conv1.conv2d.weight', 'res1.conv1.conv2d.weight', 'in1.weight']],
    ['animegan2-pytorch', ['block_a.0.1.weight', 'block_e.0.1.weight']],
  ];

  test.each(FOREIGN)('%s is told by its keys, to loadStateDict and to loadModel', (name, keys) => {
    const tensors = Object.fromEntries(keys.map((key) => [key, { dtype: 'F32', shape: [1], bytes: 4 }]));
    for (const network of [new CycleGANGenerator(), new StyleTransferNetwork()]) {
      const error = thrownBy(() => network.loadStateDict(readSafetensors(safetensors(tensors)).tensors));
      expect(error).toMatchObject({ code: 'state-dict', hint: expect.stringContaining(name) });
    }
    for (const metadata of [{}, { network: 'CycleGANGenerator' }]) {
      const error = thrownBy(() => loadModel(safetensors(tensors, metadata)));
      expect(error).toMatchObject({ hint: expect.stringContaining(name) });
    }
  });

  test('a module of one’s own with those keys hears of what is wrong with it', () => {
    const block = () => new nn.Sequential({ conv_block: new nn.Sequential(new nn.Conv2d(1, 1, 1)) });
    const own = new nn.Sequential({ model: new nn.Sequential(block(), block()) });
    const state = zeroState(own);
    delete state['model.1.conv_block.0.bias'];
    expect(thrownBy(() => own.loadStateDict(state))).toMatchObject({
      hint: expect.stringContaining('strict: false'),
    });
  });

  test('long names are cut', () => {
    const error = thrownBy(() => net().loadStateDict({ [`${'x.'.repeat(50_000)}weight`]: zeros([1]) }));
    expect((error as Error).message.length).toBeLessThan(1000);
  });
});
