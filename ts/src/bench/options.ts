/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import type { EngineName } from './protocol.js';

export const HELP = `npm run bench -- [options]

Compares gouache with other engines on this machine: both networks at 256x256 and 512x512, each engine in a process of its own.
Every output is compared with PyTorch's float64 values first; then the engines take turns in random order. The rivals and
other Nodes are installed on first use. A whole run takes about an hour, and writes test/bench_record/<machine>/.

  --quick              256x256 alone, few turns: under 3 minutes; writes nothing
  --engines LIST       of gouache, onnxruntime-web, onnxruntime-node, litert
  --networks LIST      of style, cyclegan
  --sizes LIST         of 64, 256, 512
  --builds LIST        of relaxed-simd, simd128
  --threads LIST       such as 1,2
  --precision LIST     of high, highest (gouache; default high)
  --nodes LIST         major versions or 'current'; the last runs everything, the others plain SIMD (default 20,26)
  --rounds N           turns of each engine (default 10)
  --seconds N          the turns of one network at one size end after so long (default 240)
  --layers             every layer in the terminal, not only in the page
  --only-kernels       kernels alone, against memory.copy, the multiply-add peak or a dense convolution
  --only-networks      leaves out the rest: cold start, memory, a browser, kernels alone, downloads
  --tflite DIR         LiteRT's models, <network>-<size>.tflite (default .tools/bench; scripts/rivals/make_tflite.py writes them)
  --references FILE    the float64 values (default test/golden/bench/references.safetensors)
  --seed N             of the order of the turns
  --output DIR         writes the page and the figures there
  --help`;

export interface Options {
  readonly quick: boolean;
  readonly engines: readonly EngineName[];
  readonly networks: readonly string[];
  readonly sizes: readonly number[];
  readonly builds: readonly ('relaxed-simd' | 'simd128')[];
  readonly threads: readonly number[];
  readonly precisions: readonly ('high' | 'highest')[];
  readonly nodes: readonly (number | 'current')[];
  readonly rounds: number;
  readonly seconds: number;
  readonly layers: boolean;
  readonly onlyKernels: boolean;
  readonly onlyNetworks: boolean;
  readonly tflite: string | null;
  readonly references: string | null;
  readonly seed: number;
  readonly output: string | null;
  /** Whether this is the whole comparison, which the record is made of. */
  readonly whole: boolean;
}

/** A mistake on the command line. */
export class UsageError extends Error {}

const ENGINES = ['gouache', 'onnxruntime-web', 'onnxruntime-node', 'litert'] as const;
const DEFAULT_SEED = 1;

export function listOf<T extends string>(
  text: string | undefined,
  name: string,
  allowed: readonly T[],
): readonly T[] {
  if (text === undefined) return allowed;
  return text.split(',').map((item) => {
    const found = allowed.find((one) => one === item);
    if (found === undefined) throw new UsageError(`--${name}: '${item}' is none of ${allowed.join(', ')}`);
    return found;
  });
}

export function wholeNumber(text: string, name: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new UsageError(`--${name}: '${text}' is not a whole number >= 1`);
}

export const numbers = (text: string, name: string): number[] =>
  text.split(',').map((item) => wholeNumber(item, name));

/** What parseArgs says no to is a mistake on the command line. */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Reads the arguments; null when help is asked for.
 * @throws {@link UsageError} for what makes no sense
 */
export function readOptions(args: readonly string[]): Options | null {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parsed(() =>
    parseArgs({
      args: [...args],
      options: {
        ...{ quick: flag, layers: flag, 'only-kernels': flag, 'only-networks': flag, help: flag },
        ...{ engines: text, networks: text, sizes: text, builds: text, threads: text, precision: text },
        ...{ nodes: text, rounds: text, seconds: text, tflite: text, references: text, seed: text },
        ...{ output: text },
      },
    }),
  );
  if (values.help) return null;
  const quick = values.quick === true;
  // Fewer turns leave the record whole, if less sure: it says how many there were.
  const narrowing = [
    'quick',
    'only-kernels',
    'only-networks',
    'engines',
    'networks',
    'sizes',
    'builds',
    'threads',
    'nodes',
  ] as const;
  return {
    quick,
    engines: listOf(values.engines, 'engines', ENGINES),
    networks: listOf(values.networks, 'networks', ['style', 'cyclegan']),
    sizes: listOf(values.sizes ?? (quick ? '256' : '256,512'), 'sizes', ['64', '256', '512']).map(Number),
    builds: listOf(values.builds, 'builds', ['relaxed-simd', 'simd128']),
    threads: numbers(values.threads ?? '1,2', 'threads'),
    precisions: listOf(values.precision ?? 'high', 'precision', ['high', 'highest']),
    nodes: (values.nodes ?? '20,26')
      .split(',')
      .map((item) => (item === 'current' ? item : wholeNumber(item, 'nodes'))),
    rounds: wholeNumber(values.rounds ?? (quick ? '4' : '10'), 'rounds'),
    seconds: wholeNumber(values.seconds ?? (quick ? '25' : '240'), 'seconds'),
    layers: values.layers === true,
    onlyKernels: values['only-kernels'] === true,
    onlyNetworks: values['only-networks'] === true,
    tflite: values.tflite ?? null,
    references: values.references ?? null,
    seed: wholeNumber(values.seed ?? String(DEFAULT_SEED), 'seed'),
    output: values.output ?? null,
    whole: narrowing.every((name) => !values[name]),
  };
}
