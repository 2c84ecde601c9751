// The order of calls: one at a time, aborted ones skipped at once.
import { describe, expect, test } from 'vitest';
import { Queue } from '../../dist/runtime/queue.js';
import type { AbortSignalLike } from '../../dist/runtime/signal.js';

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('tasks run one at a time in the order they were pushed, also after one that failed', async () => {
  const queue = new Queue();
  const log: string[] = [];
  const task = (name: string, fails: boolean) => async () => {
    log.push(`${name} starts`);
    await Promise.resolve();
    log.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const results = await Promise.allSettled([
    queue.push(task('a', false)),
    queue.push(task('b', true)),
    queue.push(task('c', false)),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
});

test('a waiting task that is aborted rejects before its turn and never starts', async () => {
  const queue = new Queue();
  const { open, opened } = gate();
  const first = queue.push(() => opened);
  const controller = new AbortController();
  let started = false;
  const second = queue.push(async () => {
    started = true;
  }, controller.signal);
  controller.abort('enough');
  await expect(second).rejects.toBe('enough');
  open();
  await first;
  await queue.push(async () => {});
  expect(started).toBe(false);
});

test('a signal that fired before rejects at once', async () => {
  const reason = new Error('gone');
  await expect(new Queue().push(async () => 1, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test('what a task did for a caller that has been rejected is undone before the next task; what was given is not', async () => {
  const queue = new Queue();
  const log: string[] = [];
  const push = (name: string, signal?: AbortSignal, during = () => {}) =>
    queue.push(
      async () => {
        during();
        log.push(`${name} done`);
      },
      signal,
      async () => {
        await Promise.resolve();
        log.push(`${name} undone`);
      },
    );
  const controller = new AbortController();
  const late = push('a', controller.signal, () => controller.abort('enough'));
  const next = push('b', new AbortController().signal);
  await expect(late).rejects.toBe('enough');
  await next;
  const waiting = push('c', AbortSignal.abort('before'));
  await expect(waiting).rejects.toBe('before');
  expect(log).toEqual(['a done', 'a undone', 'b done']);
});

describe('a signal of the caller’s own', () => {
  const mistake = new Error('in the signal');
  const fails = () => {
    throw mistake;
  };
  /** A signal that listens and fires, with `parts` in place of its own. */
  function signalWith(parts: object) {
    const listeners = new Set<() => void>();
    const signal: AbortSignalLike = {
      aborted: false,
      addEventListener: (_, listener) => void listeners.add(listener),
      removeEventListener: (_, listener) => void listeners.delete(listener),
    };
    Object.defineProperties(signal, Object.getOwnPropertyDescriptors(parts));
    return { signal, listeners, fire: () => listeners.forEach((listener) => void listener()) };
  }

  test.each<[string, object, boolean]>([
    ['cannot be let go', { removeEventListener: undefined }, true],
    ['throws when it is let go', { removeEventListener: fails }, true],
    ['throws when it is listened to', { addEventListener: fails }, false],
    [
      'throws when it is asked',
      {
        get aborted() {
          return fails();
        },
      },
      false,
    ],
    [
      'throws when it is asked again',
      (() => {
        let asked = 0;
        return {
          get aborted() {
            return asked++ === 0 ? false : fails();
          },
        };
      })(),
      false,
    ],
  ])('that %s concerns its own task alone', async (_, parts, works) => {
    const queue = new Queue();
    const { signal } = signalWith(parts);
    const task = queue.push(async () => 'done', signal);
    const next = queue.push(async () => 'next');
    if (works) expect(await task).toBe('done');
    else await expect(task).rejects.toBe(mistake);
    expect(await next).toBe('next');
  });

  test.each<[string, object, unknown]>([
    ['without a reason', {}, expect.objectContaining({ name: 'AbortError' })],
    [
      'whose reason throws',
      {
        get reason() {
          return fails();
        },
      },
      mistake,
    ],
    ['with a reason', { reason: 'enough' }, 'enough'],
  ])('%s rejects a waiting task when it fires', async (_, parts, reason) => {
    const queue = new Queue();
    const { open, opened } = gate();
    const first = queue.push(() => opened);
    const { signal, fire } = signalWith(parts);
    let started = false;
    const waiting = queue.push(async () => {
      started = true;
    }, signal);
    fire();
    await expect(waiting).rejects.toEqual(reason);
    open();
    await first;
    expect(await queue.push(async () => 'next')).toBe('next');
    expect(started).toBe(false);
  });

  test('has one listener for all its tasks, and none when they have ended', async () => {
    const queue = new Queue();
    const { signal, listeners } = signalWith({});
    const tasks = Array.from({ length: 20 }, (_, index) => queue.push(async () => index, signal));
    expect(listeners.size).toBe(1);
    await Promise.all(tasks);
    await queue.push(async () => {});
    expect(listeners.size).toBe(0);
    // And again.
    await queue.push(async () => {}, signal);
    await queue.push(async () => {});
    expect(listeners.size).toBe(0);
  });

  test('that cannot be let go does not collect listeners', async () => {
    const queue = new Queue();
    const { signal, listeners } = signalWith({ removeEventListener: undefined });
    for (let time = 0; time < 20; time++) await queue.push(async () => {}, signal);
    expect(listeners.size).toBe(1);
  });
});
