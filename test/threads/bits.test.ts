// The same bits for any number of threads, as the public API gives them: whole networks, and ops that divide unevenly.

import { readFileSync } from 'node:fs';
import { CycleGANGenerator, loadModel, StyleTransferNetwork, type Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { engineFor, noise, SmallNet, weightsFor } from '../engine/support/engines.js';

const BUILDS = ['simd128', 'relaxed-simd'] as const;
const THREADS = [2, 3, 8];

function filled<T extends nn.Module>(module: T): T {
  module.loadStateDict(weightsFor(module, 3));
  return module;
}

const TARGETS: Record<string, { target: nn.Module | ((x: nn.Value) => nn.Value); shape: number[] }> = {
  StyleTransferNetwork: { target: filled(new StyleTransferNetwork()), shape: [1, 3, 68, 52] },
  CycleGANGenerator: {
    target: filled(new CycleGANGenerator({ ngf: 16, nBlocks: 2 })),
    shape: [2, 3, 44, 36],
  },
  'a small network, large': { target: new SmallNet(20), shape: [1, 3, 301, 97] },
  'a convolution by Winograd': {
    target: filled(new nn.Conv2d(64, 72, 3, { padding: 1 })),
    shape: [1, 64, 61, 67],
  },
  'a transposed convolution': {
    target: filled(new nn.ConvTranspose2d(40, 24, 4, { stride: 2, padding: 1 })),
    shape: [1, 40, 31, 29],
  },
  'statistics over everything': {
    target: (x) => x.sub(x.mean()).div(x.var().sqrt()),
    shape: [2, 19, 83, 71],
  },
  'a sum over rows': { target: (x) => x.mean([3]).tanh(), shape: [1, 33, 128, 200] },
};

const bytes = ({ data }: Tensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

describe.each(BUILDS)('%s', (build) => {
  test.each(Object.keys(TARGETS))('%s', async (name) => {
    const { target, shape } = TARGETS[name] as (typeof TARGETS)[string];
    const x = noise(shape);
    const alone = await engineFor({ build, threads: 1 });
    expect(alone.info()).toMatchObject({ build, threads: 1 });
    const expected = bytes((await alone.run(target, x)) as Tensor);
    expect(new Set(expected).size).toBeGreaterThan(100);
    for (const threads of THREADS) {
      const engine = await engineFor({ build, threads });
      expect(engine.info()).toMatchObject({ build, threads });
      // Twice: the second run meets what the first left in memory.
      for (let time = 0; time < 2; time++) {
        const got = bytes((await engine.run(target, x)) as Tensor);
        expect(got.equals(expected), `${threads} threads, run ${time}`).toBe(true);
      }
    }
  });
});

test('a painting has the same bytes', async () => {
  const model = loadModel(readFileSync(new URL(import.meta.resolve('gouache/models/mosaic.safetensors'))));
  const [width, height] = [123, 77];
  const data = Uint8Array.from(noise([height * width * 4]).data, (value) => value * 127 + 128);
  const paintings: Uint8ClampedArray[] = [];
  for (const threads of [1, ...THREADS]) {
    const engine = await engineFor({ threads });
    paintings.push((await engine.paint(model, { data, width, height })).data);
  }
  for (const painting of paintings) expect(painting).toEqual(paintings[0]);
  expect(new Set(paintings[0]).size).toBeGreaterThan(100);
});

test('engines of several threads side by side do not disturb each other', async () => {
  const net = new SmallNet(24);
  const x = noise([1, 3, 120, 90]);
  const alone = await engineFor({ threads: 1 });
  const expected = bytes(await alone.run(net, x));
  const engines = await Promise.all([2, 3, 2].map((threads) => engineFor({ threads })));
  const results = await Promise.all(engines.flatMap((engine) => [1, 2, 3, 4].map(() => engine.run(net, x))));
  for (const result of results) expect(bytes(result).equals(expected)).toBe(true);
});
