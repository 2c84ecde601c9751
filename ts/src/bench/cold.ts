/** What a fresh process costs: the way to its first output by phases, and the most memory it holds. gouache beside onnxruntime-web. */
import type { Case } from './cases.js';
import { missing, taskOf } from './compare.js';
import { type Configuration, title } from './configurations.js';
import { Child, type NodeProgram } from './process.js';
import type { Phases } from './protocol.js';
import { compare, type Reference } from './reference.js';
import { shuffled, timesOf } from './statistics.js';

/** Runs after the first one, before memory is looked at. */
const RUNS = 3;

export interface ColdRow {
  readonly case: string;
  readonly engine: string;
  readonly title: string;
  readonly threads: number;
  readonly note: string;
  /** Of the process that was the fastest in all; milliseconds. */
  readonly phases: Phases | null;
  readonly total: number | null;
  /** Peak of the resident set less that of a process of this Node that does nothing; bytes, median. */
  readonly memory_bytes: number | null;
}

export const totalOf = (phases: Phases): number =>
  phases.import + phases.compile + phases.prepare + phases.first;

interface Trial {
  readonly what: Case;
  readonly configuration: Configuration;
  readonly phases: Phases[];
  readonly memory: number[];
  note: string;
}

async function bareMemory(node: NodeProgram, trial: Trial): Promise<number> {
  const child = new Child(node, { ...taskOf(trial.what, trial.configuration, 0), subject: 'bare' });
  try {
    await child.ask({ do: 'prepare' });
    return await child.ask({ do: 'memory' });
  } finally {
    child.end();
  }
}

async function once(trial: Trial, reference: Reference): Promise<void> {
  const { what, configuration } = trial;
  const child = new Child(configuration.node, taskOf(what, configuration, reference.values.length));
  try {
    const { phases, sample, threads } = await child.ask({ do: 'prepare' });
    if (threads !== configuration.threads)
      trial.note = `computes with ${threads}, not ${configuration.threads}`;
    else if (!compare(sample, reference).agrees) trial.note = 'disagrees with float64';
    else {
      await child.ask({ do: 'runs', most: RUNS, ms: 60_000 });
      trial.phases.push(phases);
      trial.memory.push(await child.ask({ do: 'memory' }));
    }
  } catch (error) {
    trial.note = error instanceof Error ? error.message : String(error);
  } finally {
    child.end();
  }
}

function rowOf(trial: Trial, bare: number): ColdRow {
  const { what, configuration, phases, memory, note } = trial;
  const fastest = [...phases].sort((a, b) => totalOf(a) - totalOf(b))[0] ?? null;
  return {
    case: what.name,
    engine: configuration.engine,
    title: title(configuration),
    threads: configuration.threads,
    note,
    phases: fastest,
    total: fastest === null ? null : totalOf(fastest),
    memory_bytes: memory.length === 0 ? null : timesOf(memory).median - bare,
  };
}

/** Fresh processes in random order, `times` of each configuration and case. */
export async function coldStarts(
  cases: readonly Case[],
  configurations: readonly Configuration[],
  referenceOf: (name: string) => Reference,
  how: { times: number; random: () => number; say: (text: string) => void; noRivals: string | null },
): Promise<ColdRow[]> {
  const trials: Trial[] = cases.flatMap((what) =>
    configurations.map((configuration) => ({
      what,
      configuration,
      phases: [],
      memory: [],
      note: missing(what, configuration, how.noRivals) ?? '',
    })),
  );
  const [first] = trials;
  if (first === undefined) return [];
  const bare: number[] = [];
  for (let time = 0; time < how.times; time++) {
    how.say(`fresh processes: ${time + 1} of ${how.times} of each`);
    bare.push(await bareMemory(first.configuration.node, first));
    for (const trial of shuffled(trials, how.random)) {
      if (trial.note === '') await once(trial, referenceOf(trial.what.name));
    }
  }
  return trials.map((trial) => rowOf(trial, timesOf(bare).median));
}
