/** What the benchmark's main process and its children say to each other: one child runs one engine on one case. Types only. */
import type { ProfileRow } from '../session.js';

export type EngineName = 'gouache' | 'onnxruntime-web' | 'onnxruntime-node' | 'litert';

/** An engine, or what is measured beside them. */
export type Subject =
  | EngineName
  /** The multiply-add peak of this Node's WebAssembly. */
  | 'peak'
  /** Two packages of gouache in one process. */
  | 'pair'
  /** An operator alone, beside what it is held against. */
  | 'kernel'
  /** A process that does nothing. */
  | 'bare';

/** What a child is started for. */
export interface Task {
  readonly subject: Subject;
  /** Of gouache, or of the peak. */
  readonly build: 'simd128' | 'relaxed-simd';
  readonly precision: 'high' | 'highest';
  readonly threads: number;
  /** The network's name, as in model files. */
  readonly network: string;
  readonly shape: readonly number[];
  /** Its name in kernel_cases.ts. */
  readonly kernel?: string;
  /** Weights of gouache, a model file of the others. */
  readonly model: string;
  /** How many positions of the output to report. */
  readonly positions: number;
  /** Folders in which gouache is built: two of a pair, one instead of the benchmark's own. */
  readonly packages?: readonly string[];
}

export type Command =
  /** Loads, compiles, runs once. */
  | { readonly do: 'prepare' }
  /** Runs until one of both is reached, once at least. */
  | { readonly do: 'runs'; readonly most: number; readonly ms: number }
  | { readonly do: 'profile' }
  | { readonly do: 'memory' };

/** An output at seeded positions, and its mean and extremes. */
export interface Sample {
  readonly values: readonly number[];
  readonly mean: number;
  readonly least: number;
  readonly largest: number;
}

/** The way to the first output, in milliseconds. */
export interface Phases {
  readonly import: number;
  readonly compile: number;
  readonly prepare: number;
  readonly first: number;
}

/** How far two outputs lie apart. */
export interface Apart {
  readonly sameBits: boolean;
  /** Largest absolute difference; NaN (null between processes) where only one of them has a number. */
  readonly largest: number | null;
}

export interface Prepared {
  readonly version: string;
  readonly settings: string;
  /** Threads that the engine says it computes with. */
  readonly threads: number;
  /** Why so many, where the engine says it. */
  readonly threadsReason: string;
  readonly phases: Phases;
  readonly sample: Sample;
  /** Of a pair. */
  readonly apart?: Apart;
}

export interface Answers {
  readonly prepare: Prepared;
  /** Milliseconds of each run; of the peak GFLOP/s, of a kernel its own and its yardstick's, of a pair both sides'. */
  readonly runs: readonly (readonly number[])[];
  readonly profile: readonly ProfileRow[];
  /** Most bytes of memory that the process has held (VmHWM). */
  readonly memory: number;
}

export type Reply =
  | { readonly ok: true; readonly answer: Answers[keyof Answers] }
  | { readonly ok: false; readonly error: string };
