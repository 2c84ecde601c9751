// Values of another realm, as an iframe, a vm context and jsdom under vitest or jest give them: each public entry takes them like its own.
import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { Engine, loadModel, type PictureContract, readSafetensors, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { exportOnnx } from 'gouache/onnx';
import { describe, expect, test } from 'vitest';
import { engineFor, noise, SmallNet, weightsFor } from './support/engines.js';

const realm = vm.createContext({});

/** What the expression is in the other realm. */
function foreign<T>(expression: string, given: Record<string, unknown> = {}): T {
  Object.assign(realm, given);
  return vm.runInContext(`(${expression})`, realm) as T;
}

/** The same numbers in a typed array of the other realm. */
function foreignBytes<T extends Uint8Array | Uint8ClampedArray | Float32Array>(
  own: T,
  kind = own.constructor.name,
): T {
  return foreign<T>(`${kind}.from(own)`, { own: [...own] });
}

const file = Uint8Array.from(readFileSync(new URL('../../models/mosaic.safetensors', import.meta.url)));
const wasm = Uint8Array.from(readFileSync(new URL('../../dist/wasm/simd128.wasm', import.meta.url)));
const foreignFile = foreignBytes(file);
const foreignWasm = foreignBytes(wasm);

test('the other realm has classes of its own', () => {
  expect(foreignFile).not.toBeInstanceOf(Uint8Array);
  expect(foreignFile.buffer).not.toBeInstanceOf(ArrayBuffer);
  expect(foreign('new Map()')).not.toBeInstanceOf(Map);
  expect(foreign('new Error()')).not.toBeInstanceOf(Error);
  expect(foreign('{}')).not.toBeInstanceOf(Object);
});

describe('paint', () => {
  const pixels = Uint8ClampedArray.from({ length: 16 * 12 * 3 }, (_, index) => (index * 89) % 256);

  test.each(['Uint8Array', 'Uint8ClampedArray'])('takes a %s', async (kind) => {
    const engine = await engineFor();
    const model = loadModel(file);
    const wanted = await engine.paint(model, { data: pixels, width: 16, height: 12 });
    const data = foreignBytes(pixels, kind);
    const image = foreign<{ data: Uint8Array; width: number; height: number }>(
      '{ data, width: 16, height: 12 }',
      { data },
    );
    const pictures = foreign<PictureContract>(
      '{ input: { range: [-1, 1], sides: { multipleOf: 4 } }, output: { range: [-1, 1] } }',
    );
    const painted = await engine.paint({ ...model, pictures }, image, foreign("{ precision: 'high' }"));
    expect(painted.data).toEqual(wanted.data);
  });

  test('names what is not 8-bit', async () => {
    const engine = await engineFor();
    const image = { data: foreign<Uint8Array>('new Uint16Array(768)'), width: 16, height: 12 };
    await expect(engine.paint(loadModel(file), image)).rejects.toMatchObject({
      code: 'image',
      got: 'Uint16Array',
    });
  });
});

test('tensors, shapes, options and outputs', async () => {
  const engine = await engineFor();
  const net = new SmallNet();
  const x = noise([1, 3, 12, 9]);
  const wanted = await engine.run(net, x);
  const data = foreignBytes(x.data);
  const same = Tensor.from(data, foreign<number[]>('[1, 3, 12, 9]'));
  // As it is, not copied.
  expect(same.data).toBe(data);
  expect([...Tensor.from(foreign<number[]>('[1, 2]'), [2]).data]).toEqual([1, 2]);
  expect([...Tensor.from(foreign<Float64Array>('new Float64Array([1, 2])'), [2]).data]).toEqual([1, 2]);
  const y = await engine.run(net, foreign<Tensor[]>('[same]', { same }));
  expect(Buffer.compare(Buffer.from(y.data.buffer), Buffer.from(wanted.data.buffer))).toBe(0);
  const session = await engine.compile(net, foreign<number[]>('[1, 3, 12, 9]'));
  expect((await session.run(same)).data).toEqual(wanted.data);

  const conv = new nn.Conv2d(3, 3, foreign<[number, number]>('[3, 3]'), foreign('{ padding: [1, 1] }'));
  conv.loadStateDict(weightsFor(conv, 1));
  const outputs = await engine.run(
    (value) =>
      foreign<Record<string, nn.Value>>('{ mean, list }', {
        mean: value.mean(foreign<number[]>('[2, 3]'), foreign('{ keepdim: true }')),
        list: conv.forward(value),
      }),
    same,
  );
  expect(outputs.mean?.shape).toEqual([1, 3, 1, 1]);
  expect(outputs.list?.shape).toEqual([1, 3, 12, 9]);
});

test('files and state dicts', async () => {
  const wanted = readSafetensors(file);
  for (const bytes of [foreignFile, foreignFile.buffer]) {
    expect(loadModel(bytes).name).toBe(loadModel(file).name);
    const { tensors } = readSafetensors(bytes);
    for (const [key, { bytes: own }] of wanted.tensors)
      expect(Buffer.compare(tensors.get(key)?.bytes ?? new Uint8Array(), own), key).toBe(0);
  }

  const engine = await engineFor();
  const x = noise([1, 3, 8, 8]);
  const net = new SmallNet();
  const sources = new Map(
    [...net.stateDict()].map(([key, { stored }]) => [
      key,
      { ...stored, bytes: foreignBytes(stored?.bytes ?? new Uint8Array()) },
    ]),
  );
  const y = await engine.run(net, x);
  const exported = exportOnnx(net, [1, 3, 8, 8]);
  for (const kind of ['new Map(entries)', 'Object.fromEntries(entries)']) {
    const other = new SmallNet(8, 2);
    other.loadStateDict(foreign<Map<string, nn.StoredTensor>>(kind, { entries: [...sources] }));
    expect((await engine.run(other, x)).data).toEqual(y.data);
    expect(Buffer.compare(exportOnnx(other, foreign<number[]>('[1, 3, 8, 8]')), exported)).toBe(0);
  }
  const parameter = new nn.Parameter(foreign<number[]>('[2, 3]'));
  expect(parameter.shape).toEqual([2, 3]);
});

describe('Engine.create', () => {
  test.each<[string, () => object]>([
    ['bytes', () => foreignWasm],
    ['an ArrayBuffer', () => foreignWasm.buffer],
    ['a module', () => foreign<object>('new WebAssembly.Module(bytes)', { bytes: wasm })],
    [
      'a Response',
      () =>
        foreign<object>('{ ok: true, status: 200, arrayBuffer: async () => bytes }', {
          bytes: foreignWasm.buffer,
        }),
    ],
    [
      'a URL',
      () =>
        foreign<object>('{ href }', { href: new URL('../../dist/wasm/simd128.wasm', import.meta.url).href }),
    ],
  ])('takes %s', async (_, given) => {
    const engine = await engineFor(foreign('{ wasm, threads: 1 }', { wasm: given() }));
    expect((await engine.run((x) => x.add(1), Tensor.from([1], [1]))).data[0]).toBe(2);
  });

  test("an error of the other realm's says its message", async () => {
    const response = foreign<object>(
      "{ ok: true, status: 200, arrayBuffer: async () => { throw new Error('cut off') } }",
    );
    await expect(Engine.create({ wasm: response })).rejects.toMatchObject({
      code: 'argument',
      got: 'cut off',
    });
  });
});

test("errors of the other realm's reach the caller as they are", async () => {
  const engine = await engineFor();
  const mistake = foreign<Error>("new RangeError('of another realm')");
  const throwing = () => {
    throw mistake;
  };
  const x = Tensor.from([1], [1]);
  await expect(engine.run(throwing, x)).rejects.toBe(mistake);
  await expect(engine.run((value) => value.relu(), x, { onProgress: throwing })).rejects.toBe(mistake);
  const signal = AbortSignal.abort(mistake);
  await expect(engine.run((value) => value.relu(), x, { signal })).rejects.toBe(mistake);
  expect((await engine.run((value) => value.relu(), x)).data[0]).toBe(1);
});
