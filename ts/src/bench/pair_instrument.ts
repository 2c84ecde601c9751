/** Two builds of gouache on one case in one process: their runs alternate, so that what disturbs one disturbs the other. */
import type { ProfileRow } from '../session.js';
import type { EngineInstrument } from './engine_instrument.js';
import type { Instrument } from './instrument.js';
import type { Apart, Prepared } from './protocol.js';

export function apartOf(one: Float32Array, other: Float32Array): Apart {
  if (one.length !== other.length) return { sameBits: false, largest: Number.NaN };
  return {
    sameBits: one.every((value, i) => Object.is(value, other[i])),
    largest: one.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] ?? Number.NaN))), 0),
  };
}

export class PairInstrument implements Instrument {
  readonly #first: EngineInstrument;
  readonly #second: EngineInstrument;
  #turn = 0;

  constructor(first: EngineInstrument, second: EngineInstrument) {
    this.#first = first;
    this.#second = second;
  }

  /** What the first says of itself, and how far their outputs lie apart. */
  async prepare(): Promise<Prepared> {
    const prepared = await this.#first.prepare();
    await this.#second.prepare();
    return { ...prepared, apart: apartOf(await this.#first.values(), await this.#second.values()) };
  }

  /** A run of each; every other time the second one goes first. */
  async run(): Promise<readonly number[]> {
    const swapped = this.#turn++ % 2 === 1;
    const [one, other] = swapped ? [this.#second, this.#first] : [this.#first, this.#second];
    const ms = [...(await one.run()), ...(await other.run())];
    return swapped ? ms.reverse() : ms;
  }

  profile(): readonly ProfileRow[] {
    return [];
  }
}
