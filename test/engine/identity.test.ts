// Which plan and which values a call gets: never those of another parameter, network, number or time.
import { ArgumentError, CycleGANGenerator, type PaintModel, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';
import { engineFor, noise, SmallNet, weightsFor } from './support/engines.js';

const x = Tensor.from([1, 2, 3], [3]);
const filled = (value: number): nn.Parameter => new nn.Parameter(Tensor.from([value, value, value], [3]));

test('a call computes with the weights of its time, also when it waits', async () => {
  const engine = await engineFor();
  const net = new SmallNet();
  const input = noise([1, 3, 8, 8]);
  const session = await engine.compile(net, [1, 3, 8, 8]);
  const [first, second] = [await engine.run(net, input), await engine.run(new SmallNet(8, 2), input)];
  const waiting = [engine.run(net, input), session.run(input)];
  net.loadStateDict(weightsFor(net, 2));
  const next = [engine.run(net, input), session.run(input)];
  for (const y of await Promise.all(waiting)) expect(y.data).toEqual(first.data);
  for (const y of await Promise.all(next)) expect(y.data).toEqual(second.data);
});

test('closures over different parameters, and numbers that JSON writes alike, have plans of their own', async () => {
  const engine = await engineFor();
  const [a, b] = [filled(10), filled(20)];
  const adding = (parameter: nn.Parameter) => async () =>
    [...(await engine.run((v) => v.add(parameter), x)).data].map(Math.round);
  expect(await adding(a)()).toEqual([11, 12, 13]);
  expect(await adding(b)()).toEqual([21, 22, 23]);
  expect(await adding(a)()).toEqual([11, 12, 13]);
  expect([...(await engine.run((v) => v.div(0), x)).data]).toEqual([Infinity, Infinity, Infinity]);
  expect([...(await engine.run((v) => v.div(-0), x)).data]).toEqual([-Infinity, -Infinity, -Infinity]);
  expect([...(await engine.run((v) => nn.functional.rsub(v, 10), x)).data]).toEqual([9, 8, 7]);
  expect([...(await engine.run((v) => nn.functional.rdiv(v, 6), x)).data]).toEqual([6, 3, 2]);
});

/** Gives back multiples of `step`. */
class Steps extends nn.Module {
  step = 2;
  override forward(input: nn.Value): nn.Value {
    const [, , high = 0, wide = 0] = input.shape;
    const grow = (size: number): number => Math.ceil(size / this.step) * this.step - size;
    return nn.functional.pad(input, [0, grow(wide), 0, grow(high)]);
  }
}

test('a network that is changed after it painted is asked again which sizes it keeps', async () => {
  const engine = await engineFor();
  const network = new Steps();
  const model: PaintModel = {
    network,
    pictures: { input: { range: [0, 1] }, output: { range: [0, 1] } },
  };
  const picture = { data: new Uint8Array(6 * 6 * 3).fill(77), width: 6, height: 6 };
  for (const step of [2, 7, 16]) {
    network.step = step;
    const painted = await engine.paint(model, picture);
    expect([...painted.data.subarray(0, 4)]).toEqual([77, 77, 77, 255]);
  }
});

test('what cannot be run is refused by type, and the engine runs on', async () => {
  const engine = await engineFor({ worker: false });
  const untyped = <T>(value: unknown): T => value as T;
  const moved = Tensor.from(new Float32Array(3), [3]);
  structuredClone(moved.data, { transfer: [moved.data.buffer] });
  for (const call of [
    () => engine.run((v) => v.relu(), moved),
    () => engine.run(untyped<nn.Module>(nn.ReLU), x),
    () => engine.run((v) => v.relu(), x, untyped(null)),
    () => engine.run((v) => v.relu(), x, untyped(true)),
    () => engine.compile(new CycleGANGenerator(), [1, 3, 64, 64], untyped('high')),
  ])
    await expect(call()).rejects.toBeInstanceOf(ArgumentError);
  expect([...(await engine.run((v) => v.relu(), x)).data]).toEqual([1, 2, 3]);
});
