/** One case: every configuration is started, compared with the reference, and then they take turns in random order. */
import { existsSync } from 'node:fs';
import type { ProfileRow } from '../session.js';
import type { Case } from './cases.js';
import { type Configuration, majorOf, title } from './configurations.js';
import { Child, type NodeProgram } from './process.js';
import type { Task } from './protocol.js';
import { compare, type Reference, type Verdict } from './reference.js';
import { shuffled, type Times, timesOf } from './statistics.js';

/** A turn: enough runs that the first one after waking does not decide. */
const TURN = { most: 5, ms: 700 } as const;

export type Outcome = 'timed' | 'disagrees' | 'not run';

export interface Row {
  readonly engine: string;
  readonly title: string;
  readonly version: string;
  readonly settings: string;
  readonly node: string;
  readonly build: Task['build'] | null;
  readonly precision: Task['precision'] | null;
  readonly threads: number;
  readonly outcome: Outcome;
  /** Why there is no time, or how to get one. */
  readonly note: string;
  readonly difference: number | null;
  readonly ms: Times | null;
  readonly layers: readonly ProfileRow[];
}

export interface CaseResult {
  readonly name: string;
  readonly network: string;
  readonly shape: readonly number[];
  readonly flops: number;
  readonly winograd: Case['winograd'];
  readonly rows: readonly Row[];
  /** GFLOP/s of multiply and add by Node and build, such as `26 relaxed-simd`, measured in the same turns. */
  readonly peaks: Readonly<Record<string, number>>;
}

export interface Turns {
  readonly rounds: number;
  /** The rounds end after so long. */
  readonly seconds: number;
  /** Of each configuration, one after the other; rounds and seconds are shared among them. */
  readonly processes: number;
  /**
   * Each process runs so long before the first run that counts: V8 compiles a function of WebAssembly well when it has executed some megabytes of
   * it, which small loops do after dozens of runs.
   */
  readonly warmUpMs: number;
  readonly random: () => number;
  readonly say: (text: string) => void;
  /** Why the rivals can't be had, or null. */
  readonly noRivals: string | null;
}

export function taskOf(what: Case, configuration: Configuration, positions: number): Task {
  const { engine, build, precision, threads } = configuration;
  const { network, shape } = what;
  return { subject: engine, build, precision, threads, network, shape, model: what.model[engine], positions };
}

/** How to get what is missing, or null. */
export function missing(what: Case, { engine }: Configuration, noRivals: string | null): string | null {
  if (engine === 'gouache') return null;
  if (noRivals !== null) return `not installed (${noRivals}); get it: npm ci --prefix scripts/rivals`;
  const model = what.model[engine];
  if (existsSync(model)) return null;
  const file = model.split(/[\\/]/).at(-1);
  const [kind, size] = what.name.split('-');
  return `no ${file}; get it: pip install tensorflow-cpu, python scripts/rivals/make_tflite.py ${kind} ${size} .tools/bench/${file}`;
}

/** A configuration in the turns. */
interface Runner {
  readonly configuration: Configuration;
  readonly child: Child;
  readonly ms: number[];
  row: Row;
}

function emptyRow(configuration: Configuration): Row {
  const { engine, node, build, precision, threads } = configuration;
  const ours = engine === 'gouache';
  return {
    engine,
    title: title(configuration),
    version: '',
    settings: '',
    node: node.version,
    build: ours ? build : null,
    precision: ours ? precision : null,
    threads,
    outcome: 'not run',
    note: '',
    difference: null,
    ms: null,
    layers: [],
  };
}

/** Starts, compares, warms up; a runner only for what may be timed. */
async function start(
  what: Case,
  configuration: Configuration,
  reference: Reference,
  turns: Turns,
): Promise<Runner | Row> {
  const row = emptyRow(configuration);
  const note = missing(what, configuration, turns.noRivals);
  if (note !== null) return { ...row, note };
  const child = new Child(configuration.node, taskOf(what, configuration, reference.values.length));
  try {
    const { version, settings, threads, threadsReason, sample } = await child.ask({ do: 'prepare' });
    const known = { ...row, version, settings };
    if (threads !== configuration.threads) {
      child.end();
      return { ...known, note: `computes with ${threads} (${threadsReason})` };
    }
    const { difference, agrees }: Verdict = compare(sample, reference);
    if (!agrees) {
      child.end();
      const far = Number.isNaN(difference) ? 'NaN in its output' : `off by ${difference.toExponential(1)}`;
      return { ...known, outcome: 'disagrees', difference, note: `${far} from float64: no time` };
    }
    await child.ask({ do: 'runs', most: Number.MAX_SAFE_INTEGER, ms: turns.warmUpMs });
    return { configuration, child, ms: [], row: { ...known, difference } };
  } catch (error) {
    child.end();
    return { ...row, note: error instanceof Error ? error.message : String(error) };
  }
}

/** The peak in each Node and build that runs gouache. */
async function startPeaks(configurations: readonly Configuration[], what: Case): Promise<Map<string, Child>> {
  const peaks = new Map<string, Child>();
  for (const configuration of configurations) {
    const { engine, node, build } = configuration;
    const key = peakKey(node, build);
    if (engine !== 'gouache' || peaks.has(key)) continue;
    const child = new Child(node, { ...taskOf(what, configuration, 0), subject: 'peak' });
    try {
      await child.ask({ do: 'prepare' });
      peaks.set(key, child);
    } catch {
      // A Node without relaxed SIMD: its rows say so.
      child.end();
    }
  }
  return peaks;
}

export function peakKey(node: Pick<NodeProgram, 'version'>, build: string): string {
  return `${majorOf({ path: '', ...node })} ${build}`;
}

/** What one process of a configuration gave. */
interface Finished {
  readonly row: Row;
  readonly ms: readonly number[];
}

async function finish({ child, ms, row }: Runner): Promise<Finished> {
  try {
    // It failed in a turn.
    if (row.note !== '') return { row, ms: [] };
    const layers = row.engine === 'gouache' ? await child.ask({ do: 'profile' }) : [];
    return { row: { ...row, outcome: 'timed', layers }, ms };
  } catch (error) {
    return { row: { ...row, note: error instanceof Error ? error.message : String(error) }, ms: [] };
  } finally {
    child.end();
  }
}

/** Turns in random order; what fails in one is out of the next. */
async function takeTurns(
  runners: readonly Runner[],
  peaks: ReadonlyMap<string, Child>,
  best: Map<string, number>,
  turns: Turns & { readonly title: string },
): Promise<void> {
  const { rounds, seconds, random, say } = turns;
  const failed = new Set<Runner>();
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const spent = (performance.now() - begin) / 1000;
    // The round that would end after the time is up is left out; the first one never is.
    if (round > 0 && spent + spent / round > seconds) break;
    say(`${turns.title}: round ${round + 1} of ${rounds}, ${spent.toFixed(0)} s of ${seconds}`);
    for (const turn of shuffled<Runner | string>([...runners, ...peaks.keys()], random)) {
      if (typeof turn === 'string') {
        const gflops = (await peaks.get(turn)?.ask({ do: 'runs', most: 3, ms: 100 }))?.flat() ?? [];
        best.set(turn, Math.max(best.get(turn) ?? 0, ...gflops));
      } else if (!failed.has(turn)) {
        try {
          turn.ms.push(...(await turn.child.ask({ do: 'runs', ...TURN })).flat());
        } catch (error) {
          failed.add(turn);
          turn.row = { ...turn.row, note: error instanceof Error ? error.message : String(error) };
        }
      }
    }
  }
}

/** Every configuration in a process of its own: started, compared, timed, ended. */
async function runProcesses(
  what: Case,
  configurations: readonly Configuration[],
  reference: Reference,
  best: Map<string, number>,
  turns: Turns & { readonly title: string },
): Promise<Finished[]> {
  const started: (Runner | Row)[] = [];
  for (const [index, configuration] of configurations.entries()) {
    const { node, threads } = configuration;
    const words = `${title(configuration)}, threads: ${threads}, Node ${majorOf(node)}`;
    turns.say(`${turns.title}: starting ${words} (${index + 1} of ${configurations.length})`);
    started.push(await start(what, configuration, reference, turns));
  }
  const peaks = await startPeaks(configurations, what);
  const runners = started.filter((one): one is Runner => 'child' in one);
  await takeTurns(runners, peaks, best, turns);
  for (const child of peaks.values()) child.end();
  const finished: Finished[] = [];
  for (const one of started) finished.push('child' in one ? await finish(one) : { row: one, ms: [] });
  return finished;
}

const sumOf = (layers: readonly ProfileRow[]): number => layers.reduce((sum, { ms }) => sum + ms, 0);

/** Processes of one configuration together: the times of all, unless one was wrong or failed. */
function merged(parts: readonly Finished[]): Row | null {
  const rows = parts.map(({ row }) => row);
  const bad =
    rows.find(({ outcome }) => outcome === 'disagrees') ?? rows.find(({ outcome }) => outcome !== 'timed');
  const [first] = rows;
  if (first === undefined || bad !== undefined) return bad ?? null;
  const difference = Math.max(...rows.map((row) => row.difference ?? Number.NaN));
  const fastest = [...rows].sort((a, b) => sumOf(a.layers) - sumOf(b.layers))[0] ?? first;
  return { ...first, difference, ms: timesOf(parts.flatMap(({ ms }) => ms)), layers: fastest.layers };
}

/**
 * Compares and times all configurations of a case, each in `processes` processes one after the other: a process may be unlucky for its
 * whole life, and that must not be held against its engine.
 */
export async function runCase(
  what: Case,
  configurations: readonly Configuration[],
  reference: Reference,
  turns: Turns,
): Promise<CaseResult> {
  const { processes } = turns;
  const best = new Map<string, number>();
  const parts: Finished[][] = [];
  for (let part = 0; part < processes; part++) {
    const of = processes > 1 ? `, processes ${part + 1} of ${processes}` : '';
    const share = {
      ...turns,
      title: `${what.name}${of}`,
      rounds: Math.ceil(turns.rounds / processes),
      seconds: turns.seconds / processes,
    };
    parts.push(await runProcesses(what, configurations, reference, best, share));
  }
  const rows = configurations.flatMap((_, index) => {
    const row = merged(parts.flatMap((part) => part[index] ?? []));
    return row === null ? [] : [row];
  });
  const { name, network, shape, flops, winograd } = what;
  return { name, network, shape, flops, winograd, rows, peaks: Object.fromEntries([...best].sort()) };
}
