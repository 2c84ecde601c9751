/** An engine on a case, with the way from a cold process to the first output. It knows neither Node nor the DOM. */
import type { ProfileRow } from '../session.js';
import { formulaInput, samplePositions } from './formula.js';
import type { Instrument } from './instrument.js';
import type { Prepared, Sample, Task } from './protocol.js';
import type { Load, Runner } from './runtime.js';

function sampleOf(values: Float32Array, count: number): Sample {
  let [sum, least, largest] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let strays = 0;
  for (const value of values) {
    sum += value;
    if (value < least) least = value;
    if (value > largest) largest = value;
    if (!Number.isFinite(value)) strays++;
  }
  const at = samplePositions(count, values.length).map((position) => values[position] ?? Number.NaN);
  return strays === 0
    ? { values: at, mean: sum / values.length, least, largest }
    : { values: at, mean: Number.NaN, least: Number.NaN, largest: Number.NaN };
}

/** One engine on one case. */
export class EngineInstrument implements Instrument {
  readonly #task: Task;
  readonly #load: Load;
  #runner: Runner | null = null;
  #rows: readonly ProfileRow[] = [];

  constructor(task: Task, load: Load) {
    this.#task = task;
    this.#load = load;
  }

  async prepare(): Promise<Prepared> {
    const task = { ...this.#task, input: formulaInput(this.#task.shape) };
    const marks = [performance.now()];
    const runtime = await this.#load(task);
    marks.push(performance.now());
    await runtime.start();
    marks.push(performance.now());
    const runner = await runtime.prepare();
    marks.push(performance.now());
    const output = await runner.run();
    marks.push(performance.now());
    this.#runner = runner;
    const said = runtime.threads?.();
    const phase = (index: number): number => (marks[index + 1] ?? 0) - (marks[index] ?? 0);
    return {
      version: runtime.version,
      settings: runtime.settings,
      threads: said?.threads ?? task.threads,
      threadsReason: said?.reason ?? '',
      phases: { import: phase(0), compile: phase(1), prepare: phase(2), first: phase(3) },
      sample: sampleOf(runner.values(output), task.positions),
    };
  }

  async run(): Promise<readonly number[]> {
    if (this.#runner === null) throw new Error('prepare comes first');
    const start = performance.now();
    await this.#runner.run();
    const ms = performance.now() - start;
    const rows = this.#runner.profile?.() ?? [];
    this.#rows = rows.map((row, i) => ({ ...row, ms: Math.min(row.ms, this.#rows[i]?.ms ?? row.ms) }));
    return [ms];
  }

  /** The output's numbers, of a run that is not timed. */
  async values(): Promise<Float32Array> {
    if (this.#runner === null) throw new Error('prepare comes first');
    return this.#runner.values(await this.#runner.run());
  }

  profile(): readonly ProfileRow[] {
    return this.#rows;
  }
}
