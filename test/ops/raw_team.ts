/** Threads that run raw plans as workers 1, 2, ... of them, each with an instance of its own over the same memory. */
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { HEADER, STATUS_MORE } from '../../dist/ops/records.gen.js';
import type { FirstInstance } from '../../dist/runtime/instance.js';
import type { Build } from '../builds.js';
import type { RawPlan } from './raw_plan.js';

/** Words that the threads share: what they are told, how many are through with it, and each one's status. */
const WORD = { turn: 0, through: 1, address: 2, words: 3, workers: 4, statuses: 5 } as const;
/** Statuses that no kernel gives. */
const TRAPPED = 0x7fff_ffff;
const NONE_YET = 0x7fff_fffe;
/** Long enough for any slice, so that a test fails rather than standing still. */
const PATIENCE_MS = 60_000;

const MEMBER = `
const { workerData } = require('node:worker_threads');
const { instanceUrl, module, memory, control, index, tiles, WORD, HEADER, STATUS_MORE, TRAPPED } = workerData;
import(instanceUrl).then(async ({ instantiateOver }) => {
  const { exports } = await instantiateOver(module, memory);
  const through = () => { Atomics.add(control, WORD.through, 1); Atomics.notify(control, WORD.through); };
  through();
  for (let turn = 0; ; turn++) {
    Atomics.wait(control, WORD.turn, turn);
    const [address, words, workers] = [control[WORD.address], control[WORD.words], control[WORD.workers]];
    let status = STATUS_MORE;
    try {
      while (index < workers && status === STATUS_MORE) status = exports.plan_run(address, words, tiles, index);
    } catch {
      status = TRAPPED;
      Atomics.store(new Int32Array(memory.buffer), address / 4 + HEADER.abort, 1);
    }
    control[WORD.statuses + index] = status;
    through();
  }
});`;

export class Team {
  readonly #control: Int32Array;
  readonly #members: readonly Worker[];

  private constructor(control: Int32Array, members: readonly Worker[]) {
    this.#control = control;
    this.#members = members;
  }

  /** `size` threads, each of which runs `tiles` tiles a call. */
  static async of(build: Build, { memory }: FirstInstance, size: number, tiles: number): Promise<Team> {
    const module = await WebAssembly.compile(
      await readFile(new URL(`../../dist/wasm/${build}.wasm`, import.meta.url)),
    );
    const control = new Int32Array(new SharedArrayBuffer((WORD.statuses + size + 1) * 4));
    const instanceUrl = new URL('../../dist/runtime/instance.js', import.meta.url).href;
    const common = { instanceUrl, module, memory, control, tiles, WORD, HEADER, STATUS_MORE, TRAPPED };
    const members = Array.from(
      { length: size },
      (_, i) => new Worker(MEMBER, { eval: true, workerData: { ...common, index: i + 1 } }),
    );
    const team = new Team(control, members);
    team.#join(size);
    return team;
  }

  /** Runs a started plan with `workers` workers, the caller's `work` being the first: how the others ended. */
  run(plan: RawPlan, workers: number, work: () => void): number[] {
    const control = this.#control;
    control[WORD.through] = 0;
    control.fill(NONE_YET, WORD.statuses);
    control.set([plan.address, plan.words.length, workers], WORD.address);
    Atomics.add(control, WORD.turn, 1);
    Atomics.notify(control, WORD.turn);
    try {
      work();
    } catch (error) {
      plan.abort();
      throw error;
    } finally {
      this.#join(this.#members.length);
    }
    return [...control.subarray(WORD.statuses + 1, WORD.statuses + workers)];
  }

  #join(size: number): void {
    for (;;) {
      const through = Atomics.load(this.#control, WORD.through);
      if (through >= size) return;
      if (Atomics.wait(this.#control, WORD.through, through, PATIENCE_MS) === 'timed-out')
        throw new Error('a thread stands still');
    }
  }

  async disband(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.terminate()));
  }
}
