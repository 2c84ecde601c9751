/** One operator, in turns with what it is held against. Its output is checked before it is timed. */
import type { Engine } from '../index.js';
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

function caseOf(name: string | undefined): KernelCase {
  const what = KERNEL_CASES.find((one) => one.name === name);
  if (what === undefined) throw new Error(`no kernel ${name}`);
  return what;
}

export class KernelInstrument implements Instrument {
  readonly #task: Task;
  #kernel: () => Promise<number> = async () => Number.NaN;
  #yardstick: () => number | Promise<number> = () => Number.NaN;

  constructor(task: Task) {
    this.#task = task;
  }

  async prepare(): Promise<Prepared> {
    const { build, kernel } = this.#task;
    const { Engine } = await import('../index.js');
    const engine = await Engine.create({ build, threads: 1 });
    const what = caseOf(kernel);
    const { time, bytes, flops } = await this.#timed(engine, what);
    this.#kernel = time;
    if (what.yardstick === 'memory.copy') this.#yardstick = this.#copy(bytes);
    else if (what.yardstick === 'the peak') this.#yardstick = this.#peak(flops);
    else {
      const other = await this.#timed(engine, caseOf(what.yardstick));
      this.#yardstick = async () => (await other.time()) * (flops / other.flops);
    }
    return NOTHING;
  }

  /** What times a run of a kernel, whose output is right; bytes of that, and products. */
  async #timed(engine: Engine, what: KernelCase) {
    const [{ Tensor }, nn] = await Promise.all([import('../index.js'), import('../nn/index.js')]);
    const { precision } = this.#task;
    const session = await engine.compile(what.create(nn), what.shapes, { precision });
    const inputs = what.shapes.map((shape, index) => Tensor.from(formulaInput(shape, index), shape));
    const total = (of: 'ms' | 'flops'): number => {
      const rows = session.profile().rows.filter(({ op }) => op !== what.without);
      return rows.reduce((sum, row) => sum + row[of], 0);
    };
    const output = await session.run(inputs);
    if (!(output instanceof Tensor)) throw new Error('kernels have one output');
    checkOutput(
      what,
      inputs.map(({ data }) => data),
      output.data,
    );
    const time = async (): Promise<number> => {
      await session.run(inputs);
      return total('ms');
    };
    return { time, bytes: output.data.byteLength, flops: total('flops') };
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
    return [await this.#kernel(), await this.#yardstick()];
  }

  profile(): readonly ProfileRow[] {
    return [];
  }
}
