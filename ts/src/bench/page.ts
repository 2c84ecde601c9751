/** What runs in the benchmark's page: gouache on one case, as the main process asks (browser.ts). */
import { EngineInstrument } from './engine_instrument.js';
import { gouacheLoader } from './gouache_runtime.js';
import type { Prepared, Task } from './protocol.js';

async function read(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** What the page's global `bench` is. */
export class PageBench {
  #instrument: EngineInstrument | null = null;

  prepare(task: Task): Promise<Prepared> {
    this.#instrument = new EngineInstrument(task, gouacheLoader(read, '', new URL('../', import.meta.url)));
    return this.#instrument.prepare();
  }

  async run(): Promise<number> {
    const [ms = Number.NaN] = (await this.#instrument?.run()) ?? [];
    return ms;
  }
}

Object.assign(globalThis, { bench: new PageBench() });
