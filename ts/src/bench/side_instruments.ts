/** What is measured beside the engines: the multiply-add peak, instance norm against memory.copy, and a process that does nothing. */
import type { ProfileRow } from '../session.js';
import { formulaInput } from './formula.js';
import { type Instrument, NO_PHASES, NO_SAMPLE } from './instrument.js';
import { copier, peakMeter } from './peak.js';
import type { Prepared, Task } from './protocol.js';

const NOTHING: Prepared = {
  version: '',
  settings: '',
  threads: 1,
  threadsReason: '',
  phases: NO_PHASES,
  sample: NO_SAMPLE,
};

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

/** Alternates between instance norm + ReLU (its passes alone, without the change of layout at both ends) and memory.copy of as many bytes. */
export class NormInstrument implements Instrument {
  readonly #task: Task;
  #norm: (() => Promise<number>) | null = null;
  #copy: () => void = () => {};

  constructor(task: Task) {
    this.#task = task;
  }

  async prepare(): Promise<Prepared> {
    const { build, shape } = this.#task;
    const [{ Engine, Tensor }, nn] = await Promise.all([import('../index.js'), import('../nn/index.js')]);
    const [, channels = 1] = shape;
    const norm = new nn.InstanceNorm2d(channels, { affine: true });
    norm.loadStateDict({
      weight: Tensor.from(new Float32Array(channels).fill(1.5), [channels]),
      bias: Tensor.from(new Float32Array(channels).fill(0.25), [channels]),
    });
    const engine = await Engine.create({ build, threads: 1 });
    const session = await engine.compile(new nn.Sequential(norm, new nn.ReLU()), shape);
    const input = Tensor.from(formulaInput(shape), shape);
    this.#norm = async () => {
      await session.run(input);
      const { rows } = session.profile();
      return rows.filter(({ op }) => op !== 'reorder').reduce((sum, { ms }) => sum + ms, 0);
    };
    this.#copy = copier(input.data.byteLength);
    return NOTHING;
  }

  async run(): Promise<readonly number[]> {
    const norm = (await this.#norm?.()) ?? Number.NaN;
    const start = performance.now();
    this.#copy();
    return [norm, performance.now() - start];
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
