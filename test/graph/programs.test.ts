/** Random programs: what runs is what was traced, fused or not, by any algorithm. */
import { Engine } from 'gouache';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnsupportedError } from '../../dist/errors.js';
import { traceModule } from '../../dist/nn/trace.js';
import { arrayOf, map, type NdArray, random, randomTensor } from '../ops/array.js';
import { mismatch } from '../ops/case.js';
import { CHAIN } from '../tolerances.js';
import { interpret, numbersOf } from './naive.js';
import { type Program, randomProgram } from './random_program.js';

const PROGRAMS = 400;
/** So many may need what is refused, such as a broadcast of more groups of axes than four, or not read an input. */
const MOST_REFUSED = 0.15;

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create({ threads: 1, worker: false });
});
afterAll(() => engine?.dispose());

/** What the program computes, or null where it is refused. */
function wantedOf({ inputs, target }: Program, xs: readonly NdArray[]): NdArray[] | null {
  try {
    const shapes = inputs.map((shape) => ({ shape }));
    return interpret(traceModule(target, shapes).graph, xs, numbersOf);
  } catch (error) {
    if (error instanceof UnsupportedError || String(error).includes('is never read')) return null;
    throw error;
  }
}

test('what runs is what was traced', async () => {
  const wrong: string[] = [];
  let refused = 0;
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const program = randomProgram(seed);
    const next = random(seed);
    const xs = program.inputs.map((shape) => randomTensor(next, shape));
    const wanted = wantedOf(program, xs.map(arrayOf));
    if (wanted === null) {
      refused++;
      continue;
    }
    for (const options of [{}, { fuse: false }, { precision: 'highest' as const }]) {
      const got = await engine.run(program.target, xs, options);
      wanted.forEach((one, index) => {
        const largest = one.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
        const y = got[index];
        const scale = map(one, () => largest);
        const difference =
          y === undefined ? 'is not there' : mismatch(y, { wanted: one, tolerance: CHAIN, scale });
        if (difference !== null)
          wrong.push(`seed ${seed} ${JSON.stringify(options)}, output ${index}: ${difference}`);
      });
    }
  }
  expect(wrong).toEqual([]);
  expect(refused / PROGRAMS).toBeLessThan(MOST_REFUSED);
});
