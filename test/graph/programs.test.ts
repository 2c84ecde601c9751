/** Random programs: what runs is what the traced graph says, fused or not; packed weights are shared where they are equal. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from 'gouache';
import { UnsupportedError } from '../../dist/errors.js';
import { get } from '../../dist/graph/graph.js';
import type { Parameter } from '../../dist/graph/parameter.js';
import { traceModule } from '../../dist/nn/trace.js';
import { arrayOf, map, type NdArray, random, randomTensor, size } from '../ops/array.js';
import { mismatch } from '../ops/case.js';
import { CHAIN } from '../tolerances.js';
import { interpret } from './naive.js';
import { randomProgram } from './random_program.js';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ threads: 1, worker: false });
});
afterAll(() => engine?.dispose());

/** The numbers of a parameter that was made of a tensor. */
function numbersOf({ shape, stored }: Parameter): NdArray {
  const bytes = stored?.bytes.slice() ?? new Uint8Array();
  return { shape, data: Float64Array.from(new Float32Array(bytes.buffer)) };
}

const from = Number(process.env.FROM ?? 1), count = Number(process.env.COUNT ?? 3000);
test('what runs is what was traced', async () => {
  const wrong: string[] = [];
  let [ran, refused] = [0, 0];
  for (let seed = from; seed < from + count; seed++) {
    const { inputs, target } = randomProgram(seed);
    const next = random(seed);
    const xs = inputs.map((shape) => randomTensor(next, shape));
    let wanted: NdArray[];
    try {
      const { graph } = traceModule(target, inputs.map((shape) => ({ shape })));
      wanted = interpret(graph, xs.map(arrayOf), numbersOf);
    } catch (error) {
      if (error instanceof UnsupportedError) { refused++; continue; }
      if ((error as Error).message.includes('never read')) { refused++; continue; }
      wrong.push(`seed ${seed}: ${(error as Error).stack}`);
      continue;
    }
    for (const options of [{}, { fuse: false }, { precision: 'highest' as const }]) {
      try {
        const got = await engine.run(target, xs, options);
        got.forEach((y, index) => {
          const one = wanted[index]!;
          const largest = one.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
          const m = mismatch(y, { wanted: one, tolerance: CHAIN, scale: map(one, () => largest) });
          if (m !== null) wrong.push(`seed ${seed} ${JSON.stringify(options)} output ${index}: ${m}`);
        });
        ran++;
      } catch (error) {
        wrong.push(`seed ${seed} ${JSON.stringify(options)}: ${(error as Error).stack?.split('\n').slice(0, 4).join('|')}`);
      }
    }
  }
  console.log(ran, refused);
  expect(wrong).toEqual([]);
}, 600000);
