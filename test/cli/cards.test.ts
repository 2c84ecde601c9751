/** The card beside a model file, NAME.json: how pictures enter and leave the network, in its entries `input` and `output`. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CycleGANGenerator, Engine, loadModel, type PictureContract } from 'gouache';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { safetensors } from '../model/file.js';
import { gouache, image, makeFolder, makePixels, readPixels } from './command_line.js';

const mosaic = new URL('../../models/mosaic.safetensors', import.meta.url);
const pixels = makePixels(40, 30);
let folder: ReturnType<typeof makeFolder>;
const at = (name: string) => join(folder.path, name);
const run = (model: string) =>
  gouache(folder.path, ['paint', 'photo.png', '--model', model, '--output', 'out.png', '--build', 'simd128']);

beforeEach(async () => {
  folder = makeFolder();
  await image(pixels).png().toFile(at('photo.png'));
  copyFileSync(fileURLToPath(mosaic), at('my.net.safetensors'));
});
afterEach(() => folder.remove());

async function paintedWith(pictures: PictureContract): Promise<Uint8Array> {
  const engine = await Engine.create({ build: 'simd128' });
  const { data } = await engine.paint(loadModel(readFileSync(mosaic), { pictures }), pixels);
  await engine.dispose();
  return Uint8Array.from(data.filter((_, index) => index % 4 < 3));
}

test('what a card says goes before what the file says', async () => {
  const input = { range: [0, 1], border: 3 } as const;
  writeFileSync(at('my.net.json'), JSON.stringify({ title: 'Mine', input, license: 'none' }));
  expect(await run('./my.net.safetensors')).toMatchObject({ code: 0, stderr: '' });
  const { data } = await readPixels(at('out.png'));
  expect(Buffer.compare(data, await paintedWith({ input }))).toBe(0);
  expect(Buffer.compare(data, await paintedWith({}))).not.toBe(0);
});

test('a card that says nothing of pictures changes nothing', async () => {
  for (const card of ['{ "title": "Mine" }', '[]', '7', 'null']) {
    writeFileSync(at('my.net.json'), card);
    expect(await run('./my.net.safetensors')).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.compare((await readPixels(at('out.png'))).data, await paintedWith({}))).toBe(0);
  }
});

test.each<[string, string, RegExp]>([
  ['no JSON', '{ input: 1 }', /my\.net\.json: not JSON: /],
  [
    'a wrong entry',
    '{ "input": { "range": "0..1" } }',
    /my\.net\.json: card\.input\.range cannot be right.*'0\.\.1'/,
  ],
  [
    'an unknown entry',
    '{ "output": { "size": 2 } }',
    /my\.net\.json: card\.output has an entry that is unknown.*size/,
  ],
  [
    'a contradiction',
    '{ "input": { "channelOrder": "luma" }, "output": { "channelOrder": "RGB" } }',
    /'luma'/,
  ],
  ['another network’s channels', '{ "input": { "channelOrder": "grey" } }', /channels/],
  ['another network’s output', '{ "output": { "scale": 2 } }', /does not give a picture/],
])('a card with %s is refused', async (_, card, message) => {
  writeFileSync(at('my.net.json'), card);
  const { code, stderr, stdout } = await run('./my.net.safetensors');
  expect(stderr).toMatch(/^gouache: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(stdout).not.toContain('wrote');
  expect(code).toBe(1);
});

test('a card that is a folder is refused', async () => {
  mkdirSync(at('my.net.json'));
  const { code, stderr } = await run('./my.net.safetensors');
  expect(stderr).toMatch(/cannot read the card .*my\.net\.json: a folder/);
  expect(code).toBe(1);
});

test('a mask is written as opaque grey, whatever the photo’s transparency', async () => {
  const options = { inputNc: 3, outputNc: 1, ngf: 1, nBlocks: 0 };
  const tensors = [...new CycleGANGenerator(options).stateDict()].map(([key, { shape }]) => {
    const bytes = 4 * shape.reduce((product, size) => product * size, 1);
    return [key, { dtype: 'F32', shape, bytes }] as const;
  });
  const metadata = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)]));
  // Of weights of zero its values are 0, in the middle of the range.
  const pictures = JSON.stringify({ output: { kind: 'mask', range: [-1, 1] } });
  const file = safetensors(Object.fromEntries(tensors), {
    network: 'CycleGANGenerator',
    ...metadata,
    pictures,
  });
  writeFileSync(at('mask.safetensors'), file);
  await image({ ...pixels, data: new Uint8Array(40 * 30 * 4).fill(90), channels: 4 })
    .png()
    .toFile(at('photo.png'));
  expect(await run('./mask.safetensors')).toMatchObject({ code: 0, stderr: '' });
  const { data, channels } = await readPixels(at('out.png'));
  expect(channels).toBe(3);
  expect([...new Set(data)]).toEqual([128]);
});
