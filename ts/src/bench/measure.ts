/** Times networks: builds take turns, run by run, so that a noisy spell of the machine meets all of them. Results are checked first. */

import type { Value } from '../graph/value.js';
import { type BuildName, type Engine, Tensor } from '../index.js';
import type { ProfileRow, Session } from '../session.js';
import type { Peak } from './peak.js';
import { mustBeNear, type Subject } from './subjects.js';

/** Runs before the first one that counts: the compiler of WebAssembly works while they run. */
const WARM_UPS = 3;

/** What algorithms a network may use: those of 'high' (the default), or the direct kernels alone. */
export type Precision = 'high' | 'highest';
export const PRECISIONS: readonly Precision[] = ['high', 'highest'];

/** One network in one build at one precision. */
export interface Timing {
  readonly build: BuildName;
  readonly precision: Precision;
  readonly minMs: number;
  readonly medianMs: number;
  /** Time of each step: its minimum over the runs. */
  readonly rows: readonly ProfileRow[];
}

export interface NetworkTimings {
  readonly network: string;
  readonly shape: readonly number[];
  /** Of all convolutions. */
  readonly flops: number;
  readonly timings: readonly Timing[];
}

function onlyTensor(output: unknown): Tensor {
  if (output instanceof Tensor) return output;
  throw new Error('these networks have one output');
}

/** One build's part in the turns, at one precision. */
class Runner {
  readonly build: BuildName;
  readonly precision: Precision;
  readonly #session: Session<Value>;
  readonly #subject: Subject;
  readonly #ms: number[] = [];
  #rows: ProfileRow[] = [];

  private constructor(build: BuildName, precision: Precision, session: Session<Value>, subject: Subject) {
    this.build = build;
    this.precision = precision;
    this.#session = session;
    this.#subject = subject;
  }

  /** Compiles, and checks a golden case. */
  static async create(
    engine: Engine,
    build: BuildName,
    precision: Precision,
    subject: Subject,
  ): Promise<Runner> {
    if (engine.info().build !== build)
      throw new Error(`the engine runs ${engine.info().build}, not ${build}`);
    const { network, goldenInput, goldenOutput, shape } = subject;
    const golden = await engine.compile(network, goldenInput.shape, { precision });
    const got = onlyTensor(await golden.run(goldenInput));
    await golden.dispose();
    mustBeNear(`${subject.name}, ${build}, ${precision}, against PyTorch at 64x64`, got, goldenOutput);
    return new Runner(build, precision, await engine.compile(network, shape, { precision }), subject);
  }

  /** The output, for comparison. */
  async warmUp(): Promise<Tensor> {
    for (let run = 1; run < WARM_UPS; run++) await this.#session.run(this.#subject.input);
    return onlyTensor(await this.#session.run(this.#subject.input));
  }

  async run(): Promise<void> {
    const start = performance.now();
    await this.#session.run(this.#subject.input);
    this.#ms.push(performance.now() - start);
    const { rows } = this.#session.profile();
    this.#rows = rows.map((row, i) => ({ ...row, ms: Math.min(row.ms, this.#rows[i]?.ms ?? row.ms) }));
  }

  async finish(): Promise<Timing> {
    await this.#session.dispose();
    const sorted = [...this.#ms].sort((a, b) => a - b);
    const minMs = sorted[0] ?? Number.NaN;
    const medianMs = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    return { build: this.build, precision: this.precision, minMs, medianMs, rows: this.#rows };
  }
}

/** Times `subject` in every build at every precision; the peaks are measured in the same spells. */
export async function measure(
  engines: ReadonlyMap<BuildName, Engine>,
  subject: Subject,
  peaks: readonly Peak[],
  runs: number,
): Promise<NetworkTimings> {
  const runners: Runner[] = [];
  for (const [build, engine] of engines) {
    for (const precision of PRECISIONS) runners.push(await Runner.create(engine, build, precision, subject));
  }
  let first: Tensor | null = null;
  for (const runner of runners) {
    const output = await runner.warmUp();
    first ??= output;
    mustBeNear(
      `${subject.name}, ${runner.build}, ${runner.precision}, against the first at full size`,
      output,
      first,
    );
  }
  for (let run = 0; run < runs; run++) {
    for (const peak of peaks) peak.measure();
    for (const runner of runners) await runner.run();
  }
  const timings: Timing[] = [];
  for (const runner of runners) timings.push(await runner.finish());
  // Norms are half a percent more; networks are compared by their convolutions.
  const convolutions = (timings[0]?.rows ?? []).filter(({ op }) => op.startsWith('conv'));
  const flops = convolutions.reduce((sum, row) => sum + row.flops, 0);
  return { network: subject.name, shape: subject.shape, flops, timings };
}
