/** What is measured beside the engines: the multiply-add peak, and a process that does nothing. */
import type { ProfileRow } from '../session.js';
import { type Instrument, NOTHING } from './instrument.js';
import { peakMeter } from './peak.js';
import type { Prepared, Task } from './protocol.js';

/** Gives GFLOP/s instead of milliseconds. */
export class PeakInstrument implements Instrument {
  readonly #task: Task;
  #measure: (() => number) | null = null;

  constructor(task: Task) {
    this.#task = task;
  }

  async prepare(): Promise<Prepared> {
    this.#measure = peakMeter(this.#task.build);
    if (this.#measure === null) throw new Error(`this Node does not compile ${this.#task.build}`);
    return NOTHING;
  }

  async run(): Promise<readonly number[]> {
    return [this.#measure?.() ?? Number.NaN];
  }

  profile(): readonly ProfileRow[] {
    return [];
  }
}

export class BareInstrument implements Instrument {
  async prepare(): Promise<Prepared> {
    return NOTHING;
  }

  async run(): Promise<readonly number[]> {
    return [0];
  }

  profile(): readonly ProfileRow[] {
    return [];
  }
}
