// What does not fit the memory: refused in numbers that are true, with a side that fits, before anything is copied.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { CycleGANGenerator, Engine, loadModel, OutOfMemoryError, type PaintModel, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { engineFor, modelOf, noise, SmallNet, weightsFor } from '../engine/support/engines.js';
import { workerAfter } from './support/doomed_worker.js';

const MIB = 2 ** 20;
const PAGE_BYTES = 65536;

function generator(options: { ngf?: number; nBlocks?: number } = {}): CycleGANGenerator {
  const net = new CycleGANGenerator(options);
  net.loadStateDict(weightsFor(net, 1));
  return net;
}

/** Weights that are stored as float64, so that packing them takes more than they do. */
function wide(): nn.Module {
  const net = new nn.Sequential(
    new nn.Conv2d(3, 96, 3, { padding: 1 }),
    new nn.Conv2d(96, 96, 3, { padding: 1 }),
    new nn.Conv2d(96, 3, 3, { padding: 1 }),
  );
  for (const parameter of net.parameters()) {
    const { shape } = parameter;
    const data = Float64Array.from(noise(shape).data);
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, size) => product * size, 1),
    );
    parameter.set({ bytes: new Uint8Array(data.buffer), dtype: 'F64', shape, strides });
  }
  return net;
}

const mosaic = loadModel(readFileSync(new URL(import.meta.resolve('gouache/models/mosaic.safetensors'))));

const networks: Record<string, PaintModel> = {
  'two convolutions': modelOf(new SmallNet(16)),
  'weights of float64': modelOf(wide()),
  'a small CycleGAN': modelOf(generator({ ngf: 16, nBlocks: 2 })),
  mosaic,
};

function picture(width: number, height: number) {
  return { data: new Uint8Array(width * height * 3), width, height };
}

/** The error of what is refused; null where it is not. */
async function refusalOf(call: Promise<unknown>): Promise<OutOfMemoryError | null> {
  try {
    await call;
    return null;
  } catch (error) {
    if (error instanceof OutOfMemoryError) return error;
    throw error;
  }
}

/** The sizes that a picture may have when its longest side is made `side`: the other one is rounded up or down. */
function shrunk(width: number, height: number, side: number): [width: number, height: number][] {
  const [down, up] = [Math.floor, Math.ceil].map((round): [number, number] => {
    const resize = (px: number) => round((px * side) / Math.max(width, height));
    return [resize(width), resize(height)];
  });
  if (down === undefined || up === undefined) return [];
  return down.join() === up.join() ? [up] : [down, up];
}

/** Whether its numbers agree: more was wanted than there is. */
function checkNumbers(error: OutOfMemoryError): void {
  const bound = Number(/at most (\d+) bytes/.exec(error.wanted ?? '')?.[1]);
  expect(error.wantedBytes, error.message).toBeGreaterThan(bound);
  expect(error.got).toContain(`${error.wantedBytes} bytes`);
}

test('in engines of 4 to 64 MiB a picture is painted, or refused with true numbers and a side that paints', async () => {
  const kinds = Object.keys(networks);
  let promises = 0;
  const holds = async (kind: string, threads: number, pages: number, width: number, height: number) => {
    const model = networks[kind] as PaintModel;
    const engine = await Engine.create({ maxMemoryBytes: pages * PAGE_BYTES, threads });
    try {
      const error = await refusalOf(engine.paint(model, picture(width, height)));
      if (error === null) return;
      checkNumbers(error);
      const side = error.largestSide;
      expect(error.hint).toContain(
        side === null ? 'No size of it fits' : `largest side that fits is ${side}`,
      );
      if (side === null) return;
      promises++;
      for (const [w, h] of shrunk(width, height, side))
        expect(await engine.paint(model, picture(w, h))).toMatchObject({ width: w, height: h });
      // Nor is it far below what would fit.
      const [more] = shrunk(width, height, Math.round(side * 1.2) + 16);
      expect(await refusalOf(engine.paint(model, picture(...(more as [number, number]))))).not.toBeNull();
    } finally {
      await engine.dispose();
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 64, max: 1024 }),
      fc.integer({ min: 2, max: 3000 }),
      fc.integer({ min: 2, max: 3000 }),
      holds,
    ),
    {
      numRuns: 16,
      examples: [
        ['two convolutions', 1, 64, 700, 500],
        ['two convolutions', 2, 200, 20000, 333],
        ['a small CycleGAN', 1, 400, 2999, 2001],
        ['a small CycleGAN', 3, 1024, 333, 2000],
        ['weights of float64', 2, 800, 6000, 4000],
        // Rounded down, smaller ones are but a row.
        ['mosaic', 1, 700, 1500, 9],
        ['mosaic', 1, 1024, 4000, 3000],
        ['mosaic', 3, 1024, 1000, 3500],
      ],
    },
  );
  expect(promises).toBeGreaterThanOrEqual(7);
});

describe.each([1, 3])('with %i threads', (threads) => {
  test('an engine of the bytes that were wanted runs and takes all of them; one of a page less does not', async () => {
    for (const model of Object.values(networks)) {
      const image = picture(350, 290);
      // Room for three threads.
      const small = await engineFor({ maxMemoryBytes: 6 * MIB, threads });
      const error = await refusalOf(small.paint(model, image));
      await small.dispose();
      const wanted = error?.wantedBytes ?? Number.NaN;
      const [less, enough] = [
        await engineFor({ maxMemoryBytes: wanted - PAGE_BYTES, threads }),
        await engineFor({ maxMemoryBytes: wanted, threads }),
      ];
      for (const engine of [small, less, enough]) expect(engine.info().threads).toBe(threads);
      expect(await refusalOf(less.paint(model, image))).toMatchObject({ wantedBytes: wanted });
      await enough.paint(model, image);
      expect(enough.memory().memoryBytes).toBe(wanted);
      await less.dispose();
      await enough.dispose();
    }
  });

  test('at 4 GiB the promised side is placed, that of a photo of 24 megapixels too', async () => {
    const engine = await engineFor({ threads });
    /** Compiles and loads; ends before a pixel is computed. */
    const loads = async (model: PaintModel, width: number, height: number) => {
      const controller = new AbortController();
      const painting = engine.paint(model, picture(width, height), {
        signal: controller.signal,
        onProgress: ({ phase, done, total }) => {
          if (phase === 'run' || done === total) controller.abort('loaded');
        },
      });
      await expect(painting, `${width}x${height}`).rejects.toBe('loaded');
    };
    for (const model of [mosaic, modelOf(generator())]) {
      for (const [width, height] of [
        [6000, 4000],
        [4096, 4096],
        [3000, 20000],
      ] as const) {
        const error = await refusalOf(engine.paint(model, picture(width, height)));
        expect(error).not.toBeNull();
        if (error === null) continue;
        checkNumbers(error);
        const side = error.largestSide ?? 0;
        for (const [w, h] of shrunk(width, height, side)) await loads(model, w, h);
        const [more] = shrunk(width, height, Math.round(side * 1.05));
        expect(await refusalOf(engine.paint(model, picture(...(more as [number, number]))))).not.toBeNull();
      }
    }
  });

  test('tensors: the promised side runs, its other side as it comes or as a multiple of 16', async () => {
    const engine = await engineFor({ maxMemoryBytes: 12 * MIB, threads });
    const net = new SmallNet(16);
    const error = await refusalOf(engine.run(net, noise([1, 3, 1500, 1100])));
    if (error === null) throw new Error('it fits');
    checkNumbers(error);
    const side = error.largestSide ?? 0;
    const other = (side * 1100) / 1500;
    for (const w of [Math.floor(other), Math.ceil(other), Math.round(other / 16) * 16])
      expect((await engine.run(net, noise([1, 3, side, w]))).shape).toEqual([1, 3, side, w]);
  });

  test('what is promised beside a session fits beside it, and the session goes on', async () => {
    const engine = await engineFor({ maxMemoryBytes: 40 * MIB, threads });
    const model = networks['a small CycleGAN'] as PaintModel;
    const alone = await refusalOf(engine.paint(model, picture(3000, 3000)));
    const session = await engine.compile(wide(), [1, 3, 64, 64]);
    // Something for the cache, which makes room.
    await engine.paint(networks['two convolutions'] as PaintModel, picture(40, 40));
    // One that would not fit without the session either, and one that would.
    for (const side of [3000, alone?.largestSide ?? 0]) {
      const error = await refusalOf(engine.paint(model, picture(side, side)));
      if (error === null) throw new Error('it fits');
      checkNumbers(error);
      expect(error.hint).toContain('beside the sessions that are open');
      const fitting = error.largestSide ?? 0;
      expect(fitting).toBeLessThan(side);
      expect((await engine.paint(model, picture(fitting, fitting))).width).toBe(fitting);
    }
    expect(await session.run(noise([1, 3, 64, 64]))).toBeInstanceOf(Tensor);
  });
});

test('a value of 2 GiB is refused as one, where the memory would hold it', async () => {
  const engine = await engineFor({ threads: 1 });
  class Half extends nn.Module {
    static override readonly kind = 'Half';
    override forward(x: nn.Value): nn.Value {
      return x.mul(0.5);
    }
  }
  const model = modelOf(new Half(), { input: { channelOrder: 'grey' } });
  // A pixel has four lanes of four bytes: 2^31 bytes are 2^27 pixels, the reflection's among them.
  const side = Math.ceil(2 ** 13.5) - 64;
  const grey = { data: new Uint8Array(side * side), width: side, height: side };
  const error = await refusalOf(engine.paint(model, grey));
  expect(error).toMatchObject({ wantedBytes: 16 * (side + 64) ** 2 });
  checkNumbers(error as OutOfMemoryError);
  expect(error?.wanted).toContain(String(2 ** 31 - 1));
  expect(error?.largestSide).toBe(Math.floor(side / 16) * 16);
});

test('what is refused has not been copied', async () => {
  const engine = await engineFor({ maxMemoryBytes: 16 * MIB });
  const image = { data: new Uint8Array(3 * 10_000 * 9_000), width: 10_000, height: 9_000 };
  const x = Tensor.from(new Float32Array(3 * 5_000 * 4_000), [1, 3, 5_000, 4_000]);
  const net = new SmallNet();
  for (const [bytes, call] of [
    [image.data.byteLength, () => engine.paint(modelOf(net), image)],
    [x.data.byteLength, () => engine.run(net, x)],
  ] as const) {
    const before = process.memoryUsage().arrayBuffers;
    const refused = refusalOf(call());
    // A copy would be waiting for the call's turn now.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(bytes / 2);
    expect(await refused).toMatchObject({ code: 'out-of-memory' });
  }
});

describe('what the platform refuses', () => {
  const growing = (condition: string) =>
    workerAfter(`
      const { grow } = WebAssembly.Memory.prototype;
      WebAssembly.Memory.prototype.grow = function (pages) {
        if (${condition}) throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory');
        return grow.call(this, pages);
      };`);

  test('memory below the maximum: what it has given is the bound, and that side paints', async () => {
    const workerUrl = growing(`this.buffer.byteLength + pages * ${PAGE_BYTES} > ${12 * MIB}`);
    const engine = await engineFor({ workerUrl, threads: 1 });
    const model = networks['two convolutions'] as PaintModel;
    await engine.paint(model, picture(150, 100));
    const error = await refusalOf(engine.paint(model, picture(900, 600)));
    if (error === null) throw new Error('it fits');
    checkNumbers(error);
    for (const [w, h] of shrunk(900, 600, error.largestSide ?? 0))
      expect((await engine.paint(model, picture(w, h))).width).toBe(w);
  });

  test('all memory: a typed error, and no side', async () => {
    for (const threads of [1, 2]) {
      const engine = await engineFor({ workerUrl: growing('true'), threads });
      expect(engine.info().threads).toBe(threads);
      const error = await refusalOf(engine.paint(mosaic, picture(100, 100)));
      if (error === null) throw new Error('it fits');
      checkNumbers(error);
      expect(error).toMatchObject({ largestSide: null, hint: 'Make the input smaller.' });
    }
  });
});

test.each([4, 5, 6, 8, 16])(
  '%i MiB and 64 threads: as many as leave half of it, with a warning',
  async (mib) => {
    const warnings: string[] = [];
    const options = {
      maxMemoryBytes: mib * MIB,
      threads: 64,
      onWarning: (text: string) => warnings.push(text),
    };
    const engine = await engineFor(options);
    const { threads, threadsReason } = engine.info();
    expect(threads).toBe(1 + Math.floor((mib * MIB) / 2 / (17 * PAGE_BYTES)));
    expect(threadsReason).toBe(`64 were asked for, but maxMemoryBytes has room for ${threads}`);
    expect(warnings).toEqual([`gouache computes with fewer threads: ${threadsReason}`]);
    expect((await engine.run(new SmallNet(), noise([1, 3, 20, 20]))).shape).toEqual([1, 3, 20, 20]);
    // As many bytes as were foreseen for each.
    expect(engine.memory().memoryBytes).toBeLessThanOrEqual((mib * MIB * 3) / 4 + 8 * PAGE_BYTES);
  },
);
