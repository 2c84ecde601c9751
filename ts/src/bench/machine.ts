/** The machine, as results name it. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  /** Vendor's numbers, which tell apart processors that share a name. */
  readonly family: string;
  /** Vector extensions that decide between native engines, as Linux lists them. */
  readonly vectors: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly system: string;
  /** A folder's name, such as `intel-xeon-2c`. */
  readonly slug: string;
}

/** `Intel(R) Xeon(R) Processor @ 2.20GHz`, 2 -> `intel-xeon-2c`. */
export function slugOf(cpu: string, cores: number): string {
  const name = cpu
    .replace(/\((r|tm|c)\)/gi, '')
    .replace(/@.*$/, '')
    .replace(/\b(processor|cpu|\d+-core)\b/gi, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${name || 'unknown'}-${cores}c`;
}

function cpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

export function thisMachine(): Machine {
  const info = cpuinfo();
  const field = (name: string): string =>
    new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  const flags = new Set(field('flags').split(' '));
  const vectors = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_fp16', 'amx_tile'];
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  const cores = availableParallelism();
  return {
    cpu,
    family: `${field('vendor_id')} family ${field('cpu family')} model ${field('model')}`,
    vectors: vectors.filter((flag) => flags.has(flag)).join(' '),
    cores,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch} ${release()}`,
    slug: slugOf(cpu, cores),
  };
}
