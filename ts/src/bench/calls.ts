/**
 * `node scripts/run.mjs dist/bench/calls.js`: for how long calls of a network of 8,000 nodes keep the caller's thread busy: the first, which
 * traces and compiles; the second, which traces; and warm ones. The network itself computes next to nothing, and in a worker.
 */
import { performance } from 'node:perf_hooks';
import { Engine, Tensor } from '../index.js';
import type { PaintModel } from '../model/load_model.js';
import * as nn from '../nn/index.js';
import { timesOf } from './statistics.js';

const LAYERS = 4000;
const WARM_CALLS = 30;
const SIDE = 8;

/** Convolutions of one tap, each followed by ReLU: each pixel stays what it is. */
function network(): nn.Module {
  const net = new nn.Sequential(
    ...Array.from({ length: LAYERS }, () => [new nn.Conv2d(1, 1, 1, { bias: false }), new nn.ReLU()]).flat(),
  );
  for (const weight of net.parameters()) weight.set(Tensor.from([1], [1, 1, 1, 1]));
  return net.eval();
}

async function busyMs(call: () => Promise<unknown>): Promise<number> {
  const before = performance.eventLoopUtilization();
  await call();
  return performance.eventLoopUtilization(before).active;
}

async function report(name: string, call: () => Promise<{ readonly data: ArrayLike<number> }>) {
  const checked = async () => {
    const { data } = await call();
    if (Array.from(data).some((value) => value !== 255))
      throw new Error(`${name}: white has not stayed white`);
  };
  const [cold, traced] = [await busyMs(checked), await busyMs(checked)];
  const warm: number[] = [];
  for (let time = 0; time < WARM_CALLS; time++) warm.push(await busyMs(checked));
  const { min, median } = timesOf(warm);
  console.log(
    [name, ...[cold, traced, min, median].map((ms) => ms.toFixed(1))]
      .map((cell) => cell.padStart(14))
      .join(''),
  );
}

const engine = await Engine.create({ threads: 1 });
const input = Tensor.from(new Float32Array(SIDE * SIDE).fill(255), [1, 1, SIDE, SIDE]);
const picture = { data: new Uint8Array(SIDE * SIDE).fill(255), width: SIDE, height: SIDE };
console.log(
  ['ms', 'first', 'second', 'warm, best', 'warm, median'].map((cell) => cell.padStart(14)).join(''),
);
const net = network();
await report('run', () => engine.run(net, input) as Promise<Tensor>);
const range = [0, 1] as const;
const model: PaintModel = {
  network: network(),
  pictures: { input: { channelOrder: 'grey', range }, output: { range } },
};
await report('paint', () => engine.paint(model, picture));
const session = await engine.compile(net, [1, 1, SIDE, SIDE]);
await report('session.run', () => session.run(input) as Promise<Tensor>);
await engine.dispose();
