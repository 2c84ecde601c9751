/** The order of calls: one at a time, in the order they were made. A call that is aborted while it waits never starts. */
import { type AbortSignalLike, onAbort, reasonOf, throwIfAborted } from './signal.js';

/** Serialises asynchronous tasks. */
export class Queue {
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * Runs `task` after all earlier ones have ended, whatever became of them. Rejects at once with `signal.reason` when the signal fires,
   * also while the task waits (then it is skipped) or runs (then the next task still waits for its end, and for `undo` of what it has done).
   * What the signal itself throws rejects this task alone.
   */
  push<T>(task: () => Promise<T>, signal?: AbortSignalLike, undo?: () => Promise<void>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let rejected = false;
      const letGo = onAbort(signal, () => {
        rejected = true;
        reject(reasonOf(signal));
      });
      const turn = async () => {
        try {
          if (rejected) return;
          throwIfAborted(signal);
          const result = await task();
          if (rejected) await undo?.();
          else resolve(result);
        } catch (error) {
          reject(error);
        } finally {
          letGo();
        }
      };
      this.#tail = this.#tail.then(turn);
    });
  }
}
