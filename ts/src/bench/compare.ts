/** One case: every configuration is started, compared with the reference, and then they take turns in random order. */
import { existsSync } from 'node:fs';
import type { ProfileRow } from '../session.js';
import type { Case } from './cases.js';
import { type Configuration, majorOf, title } from './configurations.js';
import { Child, type NodeProgram } from './process.js';
import type { Task } from './protocol.js';
import { compare, type Reference, type Verdict } from './reference.js';
import { shuffled, type Times, timesOf } from './statistics.js';

/** Runs before the first one that counts, the one that is compared among them: the compilers of WebAssembly work while they run. */
const WARM_UPS = 4;
/** Warm-ups end after so long: a run of seconds has warmed up within itself. */
const WARM_UP_MS = 2500;
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
  readonly rows: readonly Row[];
  /** GFLOP/s of multiply and add by Node and build, such as `26 relaxed-simd`, measured in the same turns. */
  readonly peaks: Readonly<Record<string, number>>;
}

export interface Turns {
  readonly rounds: number;
  readonly seconds: number;
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
  noRivals: string | null,
): Promise<Runner | Row> {
  const row = emptyRow(configuration);
  const note = missing(what, configuration, noRivals);
  if (note !== null) return { ...row, note };
  const child = new Child(configuration.node, taskOf(what, configuration, reference.values.length));
  try {
    const { version, settings, threads, sample } = await child.ask({ do: 'prepare' });
    const known = { ...row, version, settings };
    if (threads !== configuration.threads) {
      child.end();
      return {
        ...known,
        note: `computes with ${threads} thread${threads === 1 ? '' : 's'}, not ${row.threads}`,
      };
    }
    const { difference, agrees }: Verdict = compare(sample, reference);
    if (!agrees) {
      child.end();
      const far = Number.isNaN(difference) ? 'NaN in its output' : `off by ${difference.toExponential(1)}`;
      return { ...known, outcome: 'disagrees', difference, note: `${far} from float64: no time` };
    }
    await child.ask({ do: 'runs', most: WARM_UPS - 1, ms: WARM_UP_MS });
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

async function finish({ child, ms, row }: Runner): Promise<Row> {
  try {
    const layers = row.engine === 'gouache' ? await child.ask({ do: 'profile' }) : [];
    return { ...row, outcome: 'timed', ms: timesOf(ms), layers };
  } catch (error) {
    return { ...row, note: error instanceof Error ? error.message : String(error) };
  } finally {
    child.end();
  }
}

/** Compares and times all configurations of a case. */
export async function runCase(
  what: Case,
  configurations: readonly Configuration[],
  reference: Reference,
  turns: Turns,
): Promise<CaseResult> {
  const { say, rounds, seconds, random } = turns;
  const started: (Runner | Row)[] = [];
  for (const [index, configuration] of configurations.entries()) {
    const { node, threads } = configuration;
    say(
      `${what.name}: starting ${title(configuration)}, threads: ${threads}, Node ${majorOf(node)} (${index + 1} of ${configurations.length})`,
    );
    started.push(await start(what, configuration, reference, turns.noRivals));
  }
  const peaks = await startPeaks(configurations, what);
  const best = new Map<string, number>();
  const failed = new Set<Runner>();
  const runners = started.filter((one): one is Runner => 'child' in one);
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const spent = (performance.now() - begin) / 1000;
    // The round that would end after the time is up is left out; the first one never is.
    if (round > 0 && spent + spent / round > seconds) break;
    say(`${what.name}: round ${round + 1} of ${rounds}, ${spent.toFixed(0)} s of ${seconds}`);
    for (const turn of shuffled<Runner | string>([...runners, ...peaks.keys()], random)) {
      if (typeof turn === 'string') {
        const gflops = (await peaks.get(turn)?.ask({ do: 'runs', most: 3, ms: 100 })) ?? [];
        best.set(turn, Math.max(best.get(turn) ?? 0, ...gflops));
      } else if (!failed.has(turn)) {
        try {
          turn.ms.push(...(await turn.child.ask({ do: 'runs', ...TURN })));
        } catch (error) {
          failed.add(turn);
          turn.row = { ...turn.row, note: error instanceof Error ? error.message : String(error) };
        }
      }
    }
  }
  const rows: Row[] = [];
  for (const one of started) {
    if (!('child' in one)) rows.push(one);
    else rows.push(failed.has(one) ? one.row : await finish(one));
  }
  for (const child of peaks.values()) child.end();
  const { name, network, shape, flops } = what;
  return { name, network, shape, flops, rows, peaks: Object.fromEntries(best) };
}
