/** How many threads an engine computes with, and why not with another number. */
import { availableThreads, sharingRefusal } from '#platform';
import { WORKER_PAGES } from './instance.js';

/** More do not pay for pictures of common sizes, and a page is not alone on its machine. */
const MOST_BY_DEFAULT = 8;
/** Memory for each thread, 64 MiB, without which fewer are taken by default: stacks and scratch are some MiB a thread, pictures want the rest. */
const LEAST_PAGES = 1024;

export interface Threads {
  readonly count: number;
  /** Why so many, in words. */
  readonly reason: string;
}

export interface ThreadFacts {
  /** The most that memory may grow to. */
  readonly maximumPages: number;
  /** What the user asked for. */
  readonly asked: number | undefined;
  /** Whether the host may live in a worker: the caller's thread never takes tiles beside others. */
  readonly worker: boolean;
  /** Whether the platform compiles atomics. */
  readonly atomics: boolean;
  /** Whether the module that the user gave, if any, is a threads build. */
  readonly given: 'threads' | 'single' | undefined;
}

/** Chooses the number before anything is started; a platform that then refuses memory or workers lowers it. */
export function chooseThreads({ maximumPages, asked, worker, atomics, given }: ThreadFacts): Threads {
  const available = availableThreads();
  const bound = Math.floor(maximumPages / LEAST_PAGES);
  const wanted = asked ?? Math.max(1, Math.min(MOST_BY_DEFAULT, available, bound));
  const why = bound <= wanted ? 'maxMemoryBytes has room for' : 'without being asked, the most is';
  const source =
    asked === undefined
      ? `${available} ${available === 1 ? 'processor' : 'processors'} may be used${available > wanted ? `; ${why} ${wanted}` : ''}`
      : 'asked for with { threads }';
  if (wanted === 1) return { count: 1, reason: source };
  const one = (reason: string): Threads => ({
    count: 1,
    reason: asked === undefined ? reason : `${asked} were asked for, but ${reason}`,
  });
  if (!worker) return one("{ worker: false } keeps to the caller's thread");
  if (given === 'single') return one('the module given with { wasm } is a build without threads');
  const refusal = sharingRefusal();
  if (refusal !== null) return one(refusal);
  if (!atomics) return one('the platform has no WebAssembly threads');
  return { count: wanted, reason: source };
}

/** The same threads, or as many as leave at least half of the memory to networks: each has a stack in it. */
export function withinMemory(threads: Threads, maximumPages: number): Threads {
  const most = 1 + Math.floor(maximumPages / 2 / WORKER_PAGES);
  if (threads.count <= most) return threads;
  return { count: most, reason: `${threads.count} were asked for, but maxMemoryBytes has room for ${most}` };
}
