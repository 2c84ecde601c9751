/** The order of calls: one at a time, in the order they were made. A call that is aborted while it waits never starts. */
import type { AbortSignalLike } from './signal.js';
import { reasonOf } from './signal.js';

/** Serialises asynchronous tasks. */
export class Queue {
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * Runs `task` after all earlier ones have ended, whatever became of them. Rejects at once with `signal.reason` when the signal fires,
   * also while the task waits (then it is skipped) or runs (then the next task still waits for its end, and for `undo` of what it has done).
   */
  push<T>(task: () => Promise<T>, signal?: AbortSignalLike, undo?: () => Promise<void>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let rejected = false;
      const abort = () => {
        rejected = true;
        reject(reasonOf(signal));
      };
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort);
      const turn = async () => {
        try {
          if (signal?.aborted === true) return;
          const result = await task();
          if (rejected) await undo?.();
          else resolve(result);
        } catch (error) {
          reject(error);
        } finally {
          signal?.removeEventListener('abort', abort);
        }
      };
      this.#tail = this.#tail.then(turn);
    });
  }
}
