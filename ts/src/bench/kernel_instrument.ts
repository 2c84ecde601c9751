/** One operator, in turns with what it is held against. Its output is checked before it is timed. */
import type { ProfileRow } from '../session.js';
import { formulaInput, samplePositions } from './formula.js';
import { type Instrument, NOTHING } from './instrument.js';
import { KERNEL_CASES, type KernelCase } from './kernel_cases.js';
import { copier, peakMeter } from './peak.js';
import type { Prepared, Task } from './protocol.js';
import { TOLERANCE } from './reference.js';

const POSITIONS = 32;

function checkOutput(what: KernelCase, inputs: readonly Float32Array[], output: Float32Array): void {
  for (const at of samplePositions(POSITIONS, output.length)) {
    const [got = Number.NaN, wanted] = [output[at], what.expected(inputs, at)];
    if (!(Math.abs(got - wanted) <= TOLERANCE))
      throw new Error(`element ${at} is ${got}, not ${wanted}: no time`);
  }
}

export class KernelInstrument implements Instrument {
  readonly #task: Task;
  #kernel: () => Promise<number> = async () => Number.NaN;
  #yardstick: () => number = () => Number.NaN;

  constructor(task: Task) {
    this.#task = task;
  }

  async prepare(): Promise<Prepared> {
    const { build, kernel } = this.#task;
    const what = KERNEL_CASES.find(({ name }) => name === kernel);
    if (what === undefined) throw new Error(`no kernel ${kernel}`);
    const [{ Engine, Tensor }, nn] = await Promise.all([import('../index.js'), import('../nn/index.js')]);
    const engine = await Engine.create({ build, threads: 1 });
    const session = await engine.compile(what.create(nn), what.shapes);
    const inputs = what.shapes.map((shape, index) => Tensor.from(formulaInput(shape, index), shape));
    const rows = () => session.profile().rows.filter(({ op }) => op !== what.without);
    const output = await session.run(inputs);
    if (!(output instanceof Tensor)) throw new Error('kernels have one output');
    checkOutput(
      what,
      inputs.map(({ data }) => data),
      output.data,
    );
    this.#kernel = async () => {
      await session.run(inputs);
      return rows().reduce((sum, { ms }) => sum + ms, 0);
    };
    this.#yardstick =
      what.yardstick === 'memory.copy'
        ? this.#copy(output.data.byteLength)
        : this.#peak(rows().reduce((sum, { flops }) => sum + flops, 0));
    return NOTHING;
  }

  #copy(bytes: number): () => number {
    const copy = copier(bytes);
    // The first one gets the memory's pages from the system.
    copy();
    return () => {
      const start = performance.now();
      copy();
      return performance.now() - start;
    };
  }

  /** The time that so many multiplications and additions take at the peak. */
  #peak(flops: number): () => number {
    const gflops = peakMeter(this.#task.build);
    if (gflops === null) throw new Error(`this Node does not compile ${this.#task.build}`);
    return () => flops / gflops() / 1e6;
  }

  async run(): Promise<readonly number[]> {
    return [await this.#kernel(), this.#yardstick()];
  }

  profile(): readonly ProfileRow[] {
    return [];
  }
}
