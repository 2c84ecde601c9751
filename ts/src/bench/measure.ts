/** Times networks: builds take turns, run by run, so that a noisy spell of the machine meets all of them. Results are checked first. */

import type { Value } from '../graph/value.js';
import { type BuildName, type Engine, Tensor } from '../index.js';
import type { ProfileRow, Session } from '../session.js';
import type { Peak } from './peak.js';
import { mustBeNear, type Subject } from './subjects.js';

/** Runs before the first one that counts: the compiler of WebAssembly works while they run. */
const WARM_UPS = 3;

/** One network in one build. */
export interface Timing {
  readonly build: BuildName;
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

/** One build's part in the turns. */
class Runner {
  readonly build: BuildName;
  readonly #session: Session<Value>;
  readonly #subject: Subject;
  readonly #ms: number[] = [];
  #rows: ProfileRow[] = [];

  private constructor(build: BuildName, session: Session<Value>, subject: Subject) {
    this.build = build;
    this.#session = session;
    this.#subject = subject;
  }

  /** Compiles, and checks a golden case. */
  static async create(engine: Engine, build: BuildName, subject: Subject): Promise<Runner> {
    if (engine.info().build !== build)
      throw new Error(`the engine runs ${engine.info().build}, not ${build}`);
    const { network, goldenInput, goldenOutput, shape } = subject;
    const got = onlyTensor(await engine.run(network, goldenInput));
    mustBeNear(`${subject.name}, ${build}, against PyTorch at 64x64`, got, goldenOutput);
    return new Runner(build, await engine.compile(network, shape), subject);
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
    return { build: this.build, minMs, medianMs, rows: this.#rows };
  }
}

/** Times `subject` in every build; the peaks are measured in the same spells. */
export async function measure(
  engines: ReadonlyMap<BuildName, Engine>,
  subject: Subject,
  peaks: readonly Peak[],
  runs: number,
): Promise<NetworkTimings> {
  const runners: Runner[] = [];
  for (const [build, engine] of engines) runners.push(await Runner.create(engine, build, subject));
  let first: Tensor | null = null;
  for (const runner of runners) {
    const output = await runner.warmUp();
    first ??= output;
    mustBeNear(`${subject.name}, ${runner.build}, against the other build at full size`, output, first);
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
