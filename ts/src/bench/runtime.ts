/** One face for gouache and its rivals: what scripts/rivals/engine.mjs describes. Types only. */
import type { ProfileRow } from '../session.js';
import type { Task } from './protocol.js';

/** A model that is ready to run. */
export interface Runner {
  run(): Promise<unknown>;
  /** The output's numbers, NCHW; not timed. */
  values(output: unknown): Float32Array;
  profile?(): readonly ProfileRow[];
}

export interface Runtime {
  readonly version: string;
  readonly settings: string;
  /** What the engine says it computes with; without it, what was asked for. */
  threads?(): { readonly threads: number; readonly reason: string };
  /** Compiles whatever all models need. */
  start(): Promise<void>;
  prepare(): Promise<Runner>;
}

/** Imports an engine. */
export type Load = (task: Task & { readonly input: Float32Array }) => Promise<Runtime>;
