/** What a child can measure: an engine on a case, or one of the things beside them. */
import type { ProfileRow } from '../session.js';
import type { Prepared } from './protocol.js';

export interface Instrument {
  /** Loads, compiles and runs once. */
  prepare(): Promise<Prepared>;
  /** One measurement: milliseconds, as a rule; of each of two things that are compared. */
  run(): Promise<readonly number[]>;
  /** Steps of the runs so far, each at its best. */
  profile(): readonly ProfileRow[];
}

/** What there is to say where nothing is compared. */
export const NOTHING: Prepared = {
  version: '',
  settings: '',
  threads: 1,
  threadsReason: '',
  phases: { import: 0, compile: 0, prepare: 0, first: 0 },
  sample: { values: [], mean: 0, least: 0, largest: 0 },
};
