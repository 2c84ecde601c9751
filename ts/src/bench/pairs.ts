/** Runs of two builds of gouache, pair by pair: warm in one process, or cold in fresh ones. Outputs are compared before any time is taken. */
import { totalOf } from './cold.js';
import { Child, type NodeProgram } from './process.js';
import type { Prepared, Task } from './protocol.js';
import { compare, type Reference, TOLERANCE } from './reference.js';

/** Then comes another process: where its memory lies may favour one side for a process's whole life. Every other one loads the second side first. */
const PAIRS_A_PROCESS = 15;
/** Of both sides together. */
const WARM_UP_MS = 8000;

export interface Trial {
  readonly task: Task;
  /** Folders of the two packages. */
  readonly before: string;
  readonly after: string;
  readonly reference: Reference;
  readonly node: NodeProgram;
  readonly count: number;
}

/** Milliseconds. */
export interface Pair {
  readonly before: number;
  readonly after: number;
}

export interface Pairs {
  /** How the outputs compare, in words. */
  readonly outputs: string;
  readonly pairs: readonly Pair[];
}

function checkOutput({ threads, threadsReason, sample }: Prepared, { task, reference }: Trial): void {
  if (threads !== task.threads) throw new Error(`it computes with ${threads} threads (${threadsReason})`);
  const { agrees, difference } = compare(sample, reference);
  if (!agrees) throw new Error(`an output is off by ${difference.toExponential(1)} from float64`);
}

/** What one process gives. */
async function pairsOfProcess(trial: Trial, swapped: boolean, count: number): Promise<Pairs> {
  const { task, before, after, node } = trial;
  const packages = swapped ? [after, before] : [before, after];
  const child = new Child(node, { ...task, subject: 'pair', packages });
  try {
    const prepared = await child.ask({ do: 'prepare' });
    checkOutput(prepared, trial);
    const { sameBits = false, largest } = prepared.apart ?? {};
    const difference = (largest ?? Number.NaN).toExponential(1);
    if (largest == null || largest > TOLERANCE) throw new Error(`the outputs differ by ${difference}`);
    await child.ask({ do: 'runs', most: Number.MAX_SAFE_INTEGER, ms: WARM_UP_MS });
    const runs = await child.ask({ do: 'runs', most: count, ms: Number.MAX_SAFE_INTEGER });
    const pairs = runs.map(([first = Number.NaN, second = Number.NaN]) =>
      swapped ? { before: second, after: first } : { before: first, after: second },
    );
    return { outputs: sameBits ? 'same bits' : `differ by ${difference}`, pairs };
  } finally {
    child.end();
  }
}

/** Warm runs, both packages in one process. */
export async function warmPairs(trial: Trial): Promise<Pairs> {
  const parts: Pairs[] = [];
  for (let done = 0; done < trial.count; done += PAIRS_A_PROCESS) {
    const count = Math.min(PAIRS_A_PROCESS, trial.count - done);
    parts.push(await pairsOfProcess(trial, parts.length % 2 === 1, count));
  }
  return { outputs: parts[0]?.outputs ?? '', pairs: parts.flatMap(({ pairs }) => pairs) };
}

/** From the import to the first output, in a fresh process each. */
export async function coldPairs(trial: Trial): Promise<Pairs> {
  const start = async (folder: string): Promise<number> => {
    const child = new Child(trial.node, { ...trial.task, packages: [folder] });
    try {
      const prepared = await child.ask({ do: 'prepare' });
      checkOutput(prepared, trial);
      return totalOf(prepared.phases);
    } finally {
      child.end();
    }
  };
  // Not measured: files come from the disk.
  for (const folder of [trial.before, trial.after]) await start(folder);
  const pairs: Pair[] = [];
  for (let turn = 0; turn < trial.count; turn++) {
    if (turn % 2 === 0) pairs.push({ before: await start(trial.before), after: await start(trial.after) });
    else pairs.push({ after: await start(trial.after), before: await start(trial.before) });
  }
  return { outputs: 'right', pairs };
}
