/** gouache and its rivals behind one face. Everything is imported late: the way from a cold process to the first output is measured too. */
import { readFile } from 'node:fs/promises';
import type { ProfileRow } from '../session.js';
import { formulaInput, samplePositions } from './formula.js';
import type { Instrument } from './instrument.js';
import type { Prepared, Sample, Task } from './protocol.js';

/** A model that is ready to run; see scripts/rivals/engine.mjs. */
interface Runner {
  run(): Promise<unknown>;
  /** The output's numbers, NCHW; not timed. */
  values(output: unknown): Float32Array;
  profile?(): readonly ProfileRow[];
}

interface Runtime {
  readonly version: string;
  readonly settings: string;
  /** What the engine says it computes with; without it, what was asked for. */
  threads?(): { readonly threads: number; readonly reason: string };
  /** Compiles whatever all models need. */
  start(): Promise<void>;
  prepare(): Promise<Runner>;
}

type Load = (task: Task & { readonly input: Float32Array }) => Promise<Runtime>;

const loadGouache: Load = async ({ build, precision, threads, network: name, shape, model, input }) => {
  const { Engine, readSafetensors, Tensor } = await import('../index.js');
  const { networks } = await import('../networks/index.js');
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  let engine: Awaited<ReturnType<typeof Engine.create>> | null = null;
  const started = (): Awaited<ReturnType<typeof Engine.create>> => {
    if (engine === null) throw new Error('the engine has not been started');
    return engine;
  };
  return {
    version: JSON.parse(manifest).version,
    settings: `${build}, precision ${precision}`,
    threads() {
      const { threads: taken, threadsReason } = started().info();
      return { threads: taken, reason: threadsReason };
    },
    async start() {
      engine = await Engine.create({ build, threads });
      const taken = engine.info().build;
      if (taken !== build) throw new Error(`the engine runs ${taken}, not ${build}`);
    },
    async prepare() {
      const entry = networks.get(name);
      if (entry === undefined) throw new Error(`no network ${name}`);
      const defaults = Object.entries(entry.arguments).map(([key, bounds]) => [key, bounds.default] as const);
      const { network } = entry.create(Object.fromEntries(defaults));
      network.loadStateDict(readSafetensors(await readFile(model)).tensors);
      const session = await started().compile(network, shape, { precision });
      const tensor = Tensor.from(input, shape);
      return {
        run: () => session.run(tensor),
        values(output) {
          if (output instanceof Tensor) return output.data;
          throw new Error('these networks have one output');
        },
        profile: () => session.profile().rows,
      };
    },
  };
};

async function loadRival(name: string): Promise<Load> {
  const url = new URL(`../../scripts/rivals/${name}.mjs`, import.meta.url);
  const { load } = (await import(url.href)) as { load: Load };
  return load;
}

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
  #runner: Runner | null = null;
  #rows: readonly ProfileRow[] = [];

  constructor(task: Task) {
    this.#task = task;
  }

  async prepare(): Promise<Prepared> {
    const task = { ...this.#task, input: formulaInput(this.#task.shape) };
    const marks = [performance.now()];
    const runtime = await (task.subject === 'gouache' ? loadGouache : await loadRival(task.subject))(task);
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

  async run(): Promise<number> {
    if (this.#runner === null) throw new Error('prepare comes first');
    const start = performance.now();
    await this.#runner.run();
    const ms = performance.now() - start;
    const rows = this.#runner.profile?.() ?? [];
    this.#rows = rows.map((row, i) => ({ ...row, ms: Math.min(row.ms, this.#rows[i]?.ms ?? row.ms) }));
    return ms;
  }

  profile(): readonly ProfileRow[] {
    return this.#rows;
  }
}
