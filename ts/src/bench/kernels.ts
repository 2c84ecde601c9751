/** Instance norm alone. */
import { Child, type NodeProgram } from './process.js';
import type { Task } from './protocol.js';
import { timesOf } from './statistics.js';

const NORM_SHAPE = [1, 32, 256, 256];
/** Pairs of the norm and memory.copy. */
const NORM_RUNS = 400;

export interface NormRow {
  readonly build: string;
  readonly note: string;
  readonly norm_ms: number | null;
  readonly copy_ms: number | null;
}

/** Instance norm + ReLU on 1x32x256x256, alternating with memory.copy of the same bytes: minima. */
export async function measureNorm(node: NodeProgram, build: Task['build']): Promise<NormRow> {
  const child = new Child(node, {
    subject: 'norm',
    build,
    precision: 'high',
    threads: 1,
    network: '',
    shape: NORM_SHAPE,
    model: '',
    positions: 0,
  });
  try {
    await child.ask({ do: 'prepare' });
    const all = await child.ask({ do: 'runs', most: NORM_RUNS, ms: 10_000 });
    const least = (which: number): number => timesOf(all.map((pair) => pair[which] ?? Number.NaN)).min;
    return { build, note: '', norm_ms: least(0), copy_ms: least(1) };
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error);
    return { build, note, norm_ms: null, copy_ms: null };
  } finally {
    child.end();
  }
}
