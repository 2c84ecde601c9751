/** Operators alone in a process each, in turns with what they are held against. */
import { KERNEL_CASES, type KernelCase } from './kernel_cases.js';
import { Child, type NodeProgram } from './process.js';
import type { Task } from './protocol.js';
import { timesOf } from './statistics.js';

/** Turns of a kernel and its yardstick. */
const TURNS = 400;

export interface KernelRow {
  readonly name: string;
  /** Shapes of its inputs, such as `1x32x256x256`. */
  readonly shapes: string;
  readonly build: string;
  readonly yardstick: KernelCase['yardstick'];
  readonly least: number;
  readonly note: string;
  /** Minima. */
  readonly ms: number | null;
  readonly yardstick_ms: number | null;
}

async function measureKernel(
  what: KernelCase,
  node: NodeProgram,
  how: { build: Task['build']; ms: number },
): Promise<KernelRow> {
  const { name, shapes, yardstick, least } = what;
  const { build, ms } = how;
  const row = { name, shapes: shapes.map((shape) => shape.join('x')).join(', '), build, yardstick, least };
  const child = new Child(node, {
    ...{ subject: 'kernel', kernel: name, build, precision: 'highest', threads: 1 },
    ...{ network: '', shape: [], model: '', positions: 0 },
  });
  try {
    await child.ask({ do: 'prepare' });
    const turns = await child.ask({ do: 'runs', most: TURNS, ms });
    const best = (which: number): number => timesOf(turns.map((turn) => turn[which] ?? Number.NaN)).min;
    return { ...row, note: '', ms: best(0), yardstick_ms: best(1) };
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error);
    return { ...row, note, ms: null, yardstick_ms: null };
  } finally {
    child.end();
  }
}

/** Every kernel of the table, for `ms` each, with one thread. */
export async function measureKernels(
  node: NodeProgram,
  builds: readonly Task['build'][],
  ms: number,
): Promise<KernelRow[]> {
  const rows: KernelRow[] = [];
  for (const what of KERNEL_CASES) {
    for (const build of builds) rows.push(await measureKernel(what, node, { build, ms }));
  }
  return rows;
}
