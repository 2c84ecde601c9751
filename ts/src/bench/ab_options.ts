/** The command line of `npm run bench:ab`. */
import { parseArgs } from 'node:util';
import { listOf, numbers, parsed, UsageError, wholeNumber } from './options.js';

export const AB_HELP = `npm run bench:ab -- --before REV [options]

Compares two builds of gouache: both packages in one process, their runs alternating, so that a loaded machine disturbs both alike.
Outputs are compared first. Of the pairs' ratios after / before it gives the median and its upper 95 % confidence bound, by order
statistics; they are to be at most 1.01 and 1.02.

  --before REV         a commit, which is built in .tools/bench, or the folder of a built checkout
  --after REV          the same (default: this checkout)
  --cases LIST         of style, cyclegan at 64, 256, 512 (default style-256,style-512,cyclegan-256; of cold starts style-256)
  --threads LIST       such as 1,2 (the default)
  --builds LIST        of simd128, relaxed-simd (default simd128: Node 20 has no other)
  --pairs N            of each case, 5 or more (default 60; of cold starts 20)
  --cold               cold starts instead: a fresh process each, from the import to the first output
  --node N             a major version or 'current' (default)
  --check              exit code 1 where a limit is missed; without it only where outputs disagree or something fails
  --help`;

export interface AbOptions {
  readonly before: string;
  /** null: this checkout. */
  readonly after: string | null;
  /** Such as `style-256`. */
  readonly cases: readonly string[];
  readonly threads: readonly number[];
  readonly builds: readonly ('simd128' | 'relaxed-simd')[];
  readonly pairs: number;
  readonly cold: boolean;
  readonly node: number | 'current';
  readonly check: boolean;
}

const CASES = ['style', 'cyclegan'].flatMap((name) => [64, 256, 512].map((size) => `${name}-${size}`));
/** Fewer values bound no median. */
const LEAST_PAIRS = 5;

/**
 * Reads the arguments; null when help is asked for.
 * @throws {@link UsageError} for what makes no sense
 */
export function readAbOptions(args: readonly string[]): AbOptions | null {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parsed(() =>
    parseArgs({
      args: [...args],
      options: {
        ...{ before: text, after: text, cases: text, threads: text, builds: text, pairs: text, node: text },
        ...{ cold: flag, check: flag, help: flag },
      },
    }),
  );
  if (values.help) return null;
  const { before, after = null, cold, check, node = 'current' } = values;
  if (before === undefined)
    throw new UsageError('--before is missing: a commit, or the folder of a built checkout');
  const pairs = wholeNumber(values.pairs ?? (cold ? '20' : '60'), 'pairs');
  if (pairs < LEAST_PAIRS) throw new UsageError(`--pairs: '${pairs}' is less than ${LEAST_PAIRS}`);
  const cases = values.cases ?? (cold ? 'style-256' : 'style-256,style-512,cyclegan-256');
  return {
    before,
    after,
    cases: listOf(cases, 'cases', CASES),
    threads: numbers(values.threads ?? '1,2', 'threads'),
    builds: listOf(values.builds ?? 'simd128', 'builds', ['simd128', 'relaxed-simd']),
    pairs,
    cold,
    node: node === 'current' ? node : wholeNumber(node, 'node'),
    check,
  };
}
