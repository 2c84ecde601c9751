// Strides, paddings and dilations beyond any picture: computed where PyTorch computes them, refused by name where memory or the kernels end.
import { Engine, GouacheError, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from './support/engines.js';

const F = nn.functional;
let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ maxMemoryBytes: 64 * 2 ** 20, threads: 2 });
});
afterAll(() => engine.dispose());

const weight = (...shape: number[]) => new nn.Parameter(noise(shape, 7));
const HUGE = [2 ** 20, 2 ** 24, 2 ** 28, 2 ** 29, 2 ** 30 - 1, 2 ** 30, 2 ** 31 - 1];
const CHANNELS = [1, 3, 64];

describe.each(CHANNELS)('%i channels', (c) => {
  const square = weight(2, c, 3, 3);
  const transposed = weight(c, 2, 3, 3);
  const point = weight(2, c, 1, 1);
  const x = noise([1, c, 4, 4], 3);
  const one = noise([1, c, 1, 1], 5);

  test.each(HUGE)('a step of %i that is never taken changes nothing', async (huge) => {
    const pairs: [Tensor, (value: nn.Value, step: number) => nn.Value][] = [
      [x, (value, step) => F.conv2d(value, square, { stride: step * 4, padding: 1 })],
      [x, (value, step) => F.conv2d(value, square, { stride: [1, step * 4] })],
      [x, (value, step) => F.conv2d(value, point, { dilation: step })],
      [one, (value, step) => F.convTranspose2d(value, transposed, { stride: step * 3 })],
    ];
    for (const [input, apply] of pairs) {
      const wanted = await engine.run((value) => apply(value, 1), input);
      // The largest whole number that options take is 2^31 - 1.
      const step = Math.floor(huge / 4);
      expect(await engine.run((value) => apply(value, step), input)).toEqual(wanted);
    }
  });

  test.each(HUGE)('numbers of %i are computed or have a typed error', async (huge) => {
    const half = Math.floor(huge / 2);
    const targets: [Tensor, (value: nn.Value) => nn.Value][] = [
      [x, (value) => F.conv2d(value, square, { stride: [1, huge], padding: [1, half] })],
      [x, (value) => F.conv2d(value, square, { padding: [0, huge] })],
      [x, (value) => F.conv2d(value, square, { padding: huge, stride: huge })],
      [x, (value) => F.conv2d(value, square, { padding: huge, dilation: huge, stride: 3 })],
      [x, (value) => F.convTranspose2d(value, transposed, { stride: huge })],
      [x, (value) => F.convTranspose2d(value, transposed, { stride: huge, padding: half })],
      [one, (value) => F.convTranspose2d(value, transposed, { stride: huge, outputPadding: huge - 1 })],
      [x, (value) => F.pad(value, [huge - 1, 0])],
      [x, (value) => F.pad(value, [0, 0, huge - 1, 4 - huge])],
    ];
    for (const [input, target] of targets) {
      const error = await engine.run(target, input).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error === null) continue;
      expect(error).toBeInstanceOf(GouacheError);
      expect(['unsupported', 'out-of-memory', 'shape', 'argument']).toContain((error as GouacheError).code);
    }
    expect((await engine.run((value) => value.add(1), Tensor.from([1], [1]))).data[0]).toBe(2);
  });
});
