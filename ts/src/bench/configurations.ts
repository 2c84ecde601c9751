/** Which engines run, in which builds, with how many threads, in which Node. */
import type { Options } from './options.js';
import type { NodeProgram } from './process.js';
import type { EngineName, Task } from './protocol.js';

export interface Configuration {
  readonly engine: EngineName;
  readonly node: NodeProgram;
  readonly build: Task['build'];
  readonly precision: Task['precision'];
  readonly threads: number;
}

/** Threads beyond the cores must cost little; one row shows it. */
const MANY_THREADS = 8;

/** Major version of a Node. */
export const majorOf = ({ version }: NodeProgram): string => version.slice(1).split('.')[0] ?? '';

/** In words, as tables show it. */
export function title({ engine, build, precision }: Configuration): string {
  if (engine !== 'gouache') return engine;
  return `gouache ${build}${precision === 'highest' ? ", 'highest'" : ''}`;
}

/**
 * All configurations of a case. The last Node runs everything; the others, which may lack relaxed SIMD, gouache's plain build and
 * onnxruntime-web.
 */
export function configurationsOf(
  options: Options,
  nodes: readonly NodeProgram[],
  many: boolean,
): Configuration[] {
  const last = nodes.at(-1);
  return nodes.flatMap((node) => {
    const all = node === last;
    const threads = options.threads;
    const of = (engine: EngineName, build: Task['build'], precision: Task['precision']): Configuration[] =>
      threads.map((count) => ({ engine, node, build, precision, threads: count }));
    const ours = options.builds
      .filter((build) => all || build === 'simd128')
      .flatMap((build) => options.precisions.flatMap((precision) => of('gouache', build, precision)));
    const best = ours.find(({ precision }) => precision === 'high');
    const crowd =
      many && all && best !== undefined && threads.includes(2) ? [{ ...best, threads: MANY_THREADS }] : [];
    const rivals = (['onnxruntime-web', 'litert', 'onnxruntime-node'] as const).filter(
      (engine) => options.engines.includes(engine) && (all || engine === 'onnxruntime-web'),
    );
    return [
      ...(options.engines.includes('gouache') ? [...ours, ...crowd] : []),
      ...rivals.flatMap((engine) => of(engine, 'simd128', 'high')),
    ];
  });
}
