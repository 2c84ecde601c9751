// How pictures enter and leave networks: sizes, borders, outputs, layouts. What becomes of each level is test/ops/pixels.
import { readFileSync } from 'node:fs';
import { type Engine, loadModel, type PaintModel, type PictureContract, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { engineFor, modelOf, noise, SmallNet } from './support/engines.js';

interface Bytes {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

function picture(width: number, height: number, channels = 3): Bytes {
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, index) => (index * 73 + 11 + (index >> 4)) % 256,
  );
  return { data, width, height, channels };
}

/** Every pixel `scale` times to the right and down, as RGBA. */
function repeated({ data, width, height, channels }: Bytes, scale = 1): number[] {
  const rgba: number[] = [];
  for (let row = 0; row < height * scale; row++) {
    for (let column = 0; column < width * scale; column++) {
      const pixel = Math.floor(row / scale) * width + Math.floor(column / scale);
      for (let k = 0; k < 4; k++) rgba.push(k === 3 ? 255 : (data[pixel * channels + k] ?? Number.NaN));
    }
  }
  return rgba;
}

/** Does what it is told, and writes down the sizes that it sees. */
class Told extends nn.Module {
  static override readonly kind = 'Told';
  /** As they are, beside others that only look for a size. */
  readonly seen: (readonly number[])[] = [];
  readonly body: (x: nn.Value) => nn.Value | nn.Value[] | Record<string, nn.Value>;
  constructor(body: Told['body']) {
    super();
    this.body = body;
  }
  override forward(x: nn.Value) {
    this.seen.push(x.shape);
    return this.body(x);
  }
  /** Height and width of the last call. */
  get size(): readonly number[] {
    return this.seen.at(-1)?.slice(2) ?? [];
  }
}

const same = (x: nn.Value): nn.Value => x.mul(1);
const cropped = (px: number) => (x: nn.Value) => x.slice(2, px, -px).slice(3, px, -px);

/** PixelShuffle of channels that repeat each pixel. */
function enlarged(x: nn.Value, scale: number): nn.Value {
  const [, c = 0, h = 0, w = 0] = x.shape;
  const each = nn.functional.cat(
    Array.from({ length: c }, (_, channel) =>
      Array(scale * scale).fill(x.slice(1, channel, channel + 1)),
    ).flat(),
    1,
  );
  return each
    .view(1, c, scale, scale, h, w)
    .permute(0, 1, 4, 2, 5, 3)
    .view(1, c, h * scale, w * scale);
}

const painted = async (engine: Engine, network: nn.Module, image: Bytes, pictures: PictureContract = {}) =>
  engine.paint(modelOf(network, pictures), image);

describe('a painting is as large as the picture times the scale', () => {
  test.each([
    [2, undefined],
    [4, undefined],
    [2, 2],
    [3, 3],
  ] as const)('%i times, by a contract that says %s', async (scale, said) => {
    const engine = await engineFor();
    const image = picture(13, 9);
    const net = new Told((x) => enlarged(x, scale));
    const { data, width, height } = await painted(engine, net, image, { output: { scale: said } });
    expect([width, height]).toEqual([13 * scale, 9 * scale]);
    expect([...data]).toEqual(repeated(image, scale));
    expect(net.size).toEqual([9 + 64, 13 + 64]);
  });

  test('of a network that makes 2 (n - 14) of n', async () => {
    const engine = await engineFor();
    const image = picture(11, 20);
    for (const border of [undefined, 0, 5]) {
      const net = new Told((x) => enlarged(cropped(7)(x), 2));
      const pictures = { input: { border }, output: { crop: 14 } };
      const { data, width, height } = await painted(engine, net, image, pictures);
      expect([width, height]).toEqual([22, 40]);
      expect([...data]).toEqual(repeated(image, 2));
      const around = 14 + 2 * (border ?? 32);
      expect(net.size).toEqual([20 + around, 11 + around]);
    }
  });

  test('alpha of one level stays that', async () => {
    const engine = await engineFor();
    const image = picture(6, 5, 4);
    for (let at = 3; at < image.data.length; at += 4) image.data[at] = 200;
    const { data } = await painted(engine, new Told((x) => enlarged(x, 3)), image);
    expect(data.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 200)).toBe(true);
  });

  test.each<[string, (x: nn.Value) => nn.Value, PictureContract]>([
    ['a scale that is another', (x) => enlarged(x, 2), { output: { scale: 4 } }],
    ['a crop that is another', cropped(3), { output: { crop: 4 } }],
    ['a crop that is not said', cropped(3), {}],
    ['the same, where sizes are said', cropped(3), { input: { sides: { multipleOf: 2 } } }],
    ['other scales of height and width', (x) => enlarged(x, 2).slice(3, 0, undefined, 2), {}],
    ['channels that are others', (x) => x.slice(1, 0, 1), {}],
    ['a mask of three channels', same, { output: { kind: 'mask' } }],
    ['another rank', (x) => x.view(-1), {}],
    ['several pictures', (x) => nn.functional.cat([x, x], 0), {}],
  ])('%s is refused', async (_, body, pictures) => {
    const engine = await engineFor();
    const refused = painted(engine, new Told(body), picture(12, 10), pictures);
    await expect(refused).rejects.toMatchObject({
      code: 'shape',
      op: 'engine.paint',
      got: expect.any(String),
    });
    await expect(refused).rejects.toThrow(/pictures\.output/);
    expect((await painted(engine, new Told(same), picture(4, 4))).width).toBe(4);
  });
});

describe('the sides of what the network sees', () => {
  const sizes = async (pictures: PictureContract, image = picture(100, 50)): Promise<readonly number[]> => {
    const net = new Told(same);
    const { data } = await painted(await engineFor(), net, image, pictures);
    expect([...data]).toEqual(repeated(image));
    // One trace: nothing is looked for.
    expect(net.seen).toHaveLength(1);
    return net.size;
  };

  test.each<[PictureContract['input'], readonly [height: number, width: number]]>([
    [{ sides: {} }, [114, 164]],
    [{ sides: { multipleOf: 8 } }, [120, 168]],
    [{ sides: { multipleOf: 16, least: 130 } }, [144, 176]],
    // 128 and 256 are too far from 114 and 164 for a border that nobody asked for; the next multiples of the picture's own are not.
    [{ sides: { multipleOf: 128 } }, [128, 128]],
    [{ sides: { multipleOf: 128 }, border: 32 }, [128, 256]],
    [{ sides: { multipleOf: 8 }, border: 0 }, [56, 104]],
    [{ sides: { least: 64 }, border: 0 }, [64, 100]],
    [{ sides: { multipleOf: 7 }, border: 100 }, [252, 301]],
    [{ sides: { fixed: 128 } }, [128, 128]],
    [{ sides: { fixed: [50, 100] } }, [50, 100]],
  ])('%j: %j', async (input, size) => {
    expect(await sizes({ input })).toEqual(size);
  });

  test('a picture that is larger than the only size is refused with what fits', async () => {
    const engine = await engineFor();
    const pictures = { input: { sides: { fixed: [60, 90] as const }, border: 4 }, output: { crop: 2 } };
    const refused = painted(engine, new Told(cropped(1)), picture(81, 40), pictures);
    await expect(refused).rejects.toMatchObject({
      code: 'shape',
      got: '40 x 81 pixels (H x W)',
      wanted: 'at most 50 x 80 pixels (H x W)',
    });
    expect((await painted(engine, new Told(cropped(1)), picture(80, 50), pictures)).width).toBe(80);
  });

  test('without a rule a network is asked at few sizes, the picture’s own with its border first', async () => {
    const engine = await engineFor();
    const any = new Told(same);
    await painted(engine, any, picture(100, 50));
    expect(any.seen.map((shape) => shape.slice(2))).toEqual([
      [114, 164],
      [114, 164],
    ]);
    const unshuffled = new Told((x) => {
      const [, c = 0, h = 0, w = 0] = x.shape;
      // Multiples of 4 alone can be seen so.
      return x
        .view(1, c, h / 4, 4, w / 4, 4)
        .view(1, c, h, w)
        .mul(1);
    });
    await painted(engine, unshuffled, picture(101, 50));
    expect(unshuffled.seen.map((shape) => shape.slice(2))).toEqual([
      [114, 165],
      [114, 166],
      [116, 168],
      [116, 168],
    ]);
    // A network that takes none is asked not more often than there are multiples.
    const none = new Told((x) => x.view(7, 11, 13));
    await expect(painted(engine, none, picture(100, 50))).rejects.toMatchObject({ code: 'shape' });
    expect(none.seen.length).toBeLessThan(20);
  });
});

describe('without a border', () => {
  test.each([
    ['the contract', { input: { border: 0 } }, {}],
    ['the call', { input: { border: 20 } }, { border: 0 }],
  ])(
    'that %s asks for not, a painting is what the network makes of the picture',
    async (_, pictures, options) => {
      const engine = await engineFor();
      const net = new SmallNet();
      const image = picture(37, 26);
      const { data } = await engine.paint(modelOf(net, pictures), image, options);
      const { width, height } = image;
      const x = Tensor.from(
        Float32Array.from({ length: 3 * width * height }, (_, index) => {
          const [c, pixel] = [Math.floor(index / (width * height)), index % (width * height)];
          return ((image.data[pixel * 3 + c] ?? 0) * 2) / 255 - 1;
        }),
        [1, 3, height, width],
      );
      const y = await engine.run(net, x);
      const wanted = Array.from({ length: data.length }, (_, index) => {
        const [pixel, c] = [index >> 2, index & 3];
        const level = ((y.data[c * width * height + pixel] ?? 0) + 1) * 127.5;
        return c === 3 ? 255 : Math.min(Math.max(Math.floor(level + 0.5), 0), 255);
      });
      // A level that float32 puts on the other side of a half.
      const differences = wanted.map((level, index) => Math.abs(level - (data[index] ?? 0)));
      expect(Math.max(...differences)).toBeLessThanOrEqual(1);
      expect(differences.filter((difference) => difference > 0).length).toBeLessThan(5);
      const bordered = await engine.paint(modelOf(net), image);
      expect(bordered.data).not.toEqual(data);
    },
  );

  test.each([-1, 0.5, Number.NaN, '8', 2 ** 40])('%s is none', async (border) => {
    const engine = await engineFor();
    const refused = engine.paint(modelOf(new Told(same)), picture(4, 4), { border: border as number });
    await expect(refused).rejects.toMatchObject({ code: 'argument', op: 'engine.paint' });
  });

  test('the bundled networks take pictures of any size', async () => {
    const engine = await engineFor();
    for (const name of ['mosaic', 'scream']) {
      const model = loadModel(readFileSync(new URL(`../../models/${name}.safetensors`, import.meta.url)));
      for (const [width, height] of [
        [2, 2],
        [3, 9],
        [17, 6],
      ] as const)
        expect(await engine.paint(model, picture(width, height), { border: 0 })).toMatchObject({
          width,
          height,
        });
    }
  });
});

describe('of several outputs', () => {
  const list = new Told((x) => [x.mul(0), x.mul(1), x.mul(-1)]);
  const record = new Told((x) => ({ dark: x.mul(0), image: x.mul(1) }));
  const image = picture(8, 6);

  test.each<[string, nn.Module, number | string]>([
    ['the one at its place', list, 1],
    ['the one of its key', record, 'image'],
  ])('%s is the painting', async (_, net, which) => {
    const { data } = await painted(await engineFor(), net, image, { output: { which } });
    expect([...data]).toEqual(repeated(image));
  });

  test.each<[string, nn.Module, PictureContract, RegExp]>([
    ['none is said', list, {}, /more than one output.*pictures\.output\.which/],
    ['there is no such place', list, { output: { which: 3 } }, /no such output.*which: 3/],
    ['there is no such key', record, { output: { which: 'light' } }, /no such output.*'light'.*dark, image/],
    ['a key is every object’s', record, { output: { which: 'toString' } }, /no such output/],
    ['a list has no keys', list, { output: { which: '1' } }, /no such output/],
    ['a list is no array', list, { output: { which: 'length' } }, /no such output/],
    ['one is alone', new Told(same), { output: { which: 0 } }, /no such output/],
  ])('where %s, that is an ArgumentError', async (_, net, pictures, message) => {
    const refused = painted(await engineFor(), net, image, pictures);
    await expect(refused).rejects.toMatchObject({ code: 'argument', op: 'engine.paint' });
    await expect(refused).rejects.toThrow(message);
  });
});

test('a network whose channels come last sees them last', async () => {
  const engine = await engineFor();
  const image = picture(10, 7);
  const both = new Told((x) => x.mul(1));
  const contract: PictureContract = { input: { layout: 'NHWC' } };
  expect([...(await painted(engine, both, image, contract)).data]).toEqual(repeated(image));
  expect(both.seen.at(-1)).toEqual([1, 7 + 64, 10 + 64, 3]);
  const one = new Told((x) => x.permute(0, 3, 1, 2));
  const toFirst: PictureContract = { ...contract, output: { layout: 'NCHW' } };
  expect([...(await painted(engine, one, image, toFirst)).data]).toEqual(repeated(image));
});

test('a luma network that changes nothing leaves the picture, and one that darkens it leaves its colours', async () => {
  const engine = await engineFor();
  const image = picture(31, 17);
  const luma: PictureContract = { input: { channelOrder: 'luma', range: [0, 1] }, output: { range: [0, 1] } };
  const { data } = await painted(engine, new Told(same), image, luma);
  const wanted = repeated(image);
  const distances = wanted.map((level, index) => Math.abs(level - (data[index] ?? 0)));
  // Levels are whole: what float32 rounds never reaches a half.
  expect(Math.max(...distances)).toBe(0);
  const mild = { ...image, data: image.data.map((level) => 100 + level / 4) };
  const darker = await painted(engine, new Told((x) => x.sub(20 / 255)), mild, luma);
  expect([...darker.data].filter((_, index) => index % 4 < 3)).toEqual(
    [...mild.data].map((level) => level - 20),
  );
});

test('contracts that cannot be right are ArgumentErrors of paint, and the engine paints on', async () => {
  const engine = await engineFor();
  const image = picture(6, 6);
  const wrong: readonly unknown[] = [
    undefined,
    null,
    7,
    [],
    { inputRange: [-1, 1] },
    { input: null },
    { input: { range: [0, 0] } },
    { output: { kind: 'mask', channelOrder: 'RGB' } },
    { input: { channelOrder: 'luma' }, output: { channelOrder: 'grey' } },
  ];
  for (const pictures of wrong) {
    const model = { network: new Told(same), pictures } as PaintModel;
    await expect(engine.paint(model, image), JSON.stringify(pictures)).rejects.toMatchObject({
      code: 'argument',
      op: 'engine.paint',
    });
  }
  expect((await painted(engine, new Told(same), image)).width).toBe(6);
});

test('a painting too large for the memory is refused with the side of the picture that fits', async () => {
  const engine = await engineFor({ maxMemoryBytes: 64 * 2 ** 20 });
  const net = new Told((x) => enlarged(nn.functional.conv2d(x, ones), 4));
  const ones = new nn.Parameter([3, 3, 1, 1]);
  ones.set(noise([3, 3, 1, 1]));
  const error: { largestSide?: number } = await painted(engine, net, picture(1000, 1000)).then(
    () => ({}),
    (thrown: unknown) => thrown as object,
  );
  expect(error).toMatchObject({ code: 'out-of-memory' });
  const side = error.largestSide ?? 0;
  expect(side).toBeGreaterThan(50);
  expect(await painted(engine, net, picture(side, side))).toMatchObject({
    width: 4 * side,
    height: 4 * side,
  });
});
