/** State: what a run leaves in a cell the next one finds there, in the order of the calls, and an aborted run leaves nothing. */
import { Engine, Tensor } from 'gouache';
import * as nn from 'gouache/nn';
import { expect, onTestFinished, test } from 'vitest';
import { Cell } from '../../dist/graph/cell.js';
import { recorder } from '../../dist/graph/recorder.js';
import type { Value } from '../../dist/graph/value.js';

/** What a cell holds, as numbers. */
const held = (cell: Cell): number[] => [...new Float32Array(cell.read().buffer)];

/** Adds each input to the cell's numbers, and gives their sum before and after. */
class Accumulator extends nn.Module {
  readonly total: Cell;

  constructor(total: Cell) {
    super();
    this.total = total;
  }

  override forward(x: Value): Value[] {
    const trace = recorder('Accumulator');
    const before = trace.read(this.total);
    trace.write(this.total, before.add(x));
    // Read again: what is written in this run.
    return [before.mul(1), trace.read(this.total).mul(1)];
  }
}

async function engine(): Promise<Engine> {
  const made = await Engine.create({ threads: 1 });
  onTestFinished(() => made.dispose());
  return made;
}

const row = (...numbers: number[]): Tensor => Tensor.from(numbers, [numbers.length]);
const numbers = (tensors: readonly Tensor[]): number[][] => tensors.map(({ data }) => [...data]);

test('runs that wait for each other find what the one before has left', async () => {
  const e = await engine();
  const cell = new Cell([3], Float32Array.of(10, 20, 30));
  const net = new Accumulator(cell);
  const results = await Promise.all([1, 2, 3].map((by) => e.run(net, row(by, by, by))));
  expect(results.map((one) => numbers(one as Tensor[]))).toEqual([
    [
      [10, 20, 30],
      [11, 21, 31],
    ],
    [
      [11, 21, 31],
      [13, 23, 33],
    ],
    [
      [13, 23, 33],
      [16, 26, 36],
    ],
  ]);
  expect(held(cell)).toEqual([16, 26, 36]);
});

test('a session and runs share a cell; another cell has another plan', async () => {
  const e = await engine();
  const [one, two] = [new Cell([1], new Float32Array(1)), new Cell([1], Float32Array.of(7))];
  const net = new Accumulator(one);
  const session = await e.compile(net, [1]);
  await session.run(row(1));
  await e.run(net, row(2));
  await e.run(new Accumulator(two), row(5));
  await session.run(row(4));
  expect([held(one), held(two)]).toEqual([[7], [12]]);
});

test('an aborted run leaves nothing, and neither does one that is refused', async () => {
  const e = await engine();
  const cell = new Cell([1, 8, 64, 64], new Float32Array(8 * 64 * 64));
  const kernel = new nn.Parameter(Tensor.from(new Float32Array(8 * 8 * 81).fill(0.01), [8, 8, 9, 9]));
  const slow = (x: Value): Value => {
    const trace = recorder('slow');
    let y = trace.read(cell).add(x);
    for (let layer = 0; layer < 40; layer++) y = nn.functional.conv2d(y, kernel, { padding: 4 });
    trace.write(cell, y);
    return y;
  };
  const input = Tensor.from(new Float32Array(8 * 64 * 64).fill(1), [1, 8, 64, 64]);
  const before = held(cell);
  const controller = new AbortController();
  const aborted = e.run(slow, input, {
    signal: controller.signal,
    onProgress: ({ phase, done }) => {
      if (phase === 'run' && done > 0) controller.abort();
    },
  });
  await expect(aborted).rejects.toThrow();
  expect(held(cell)).toEqual(before);
  const already = AbortSignal.abort();
  await expect(e.run(slow, input, { signal: already })).rejects.toThrow();
  expect(held(cell)).toEqual(before);
  await e.run(slow, input);
  expect(held(cell)).not.toEqual(before);
});

test('a cell that is read alone, or written alone', async () => {
  const e = await engine();
  const cell = new Cell([2], Float32Array.of(1, 2));
  const read = (x: Value): Value => recorder('read').read(cell).mul(x);
  const write = (x: Value): Value => {
    recorder('write').write(cell, x.relu());
    return x.mul(1);
  };
  expect([...((await e.run(read, row(3, 3))) as Tensor).data]).toEqual([3, 6]);
  expect([...((await e.run(write, row(-5, 5))) as Tensor).data]).toEqual([-5, 5]);
  expect(held(cell)).toEqual([0, 5]);
  expect([...((await e.run(read, row(3, 3))) as Tensor).data]).toEqual([0, 15]);
});
