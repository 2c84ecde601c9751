// The order of calls: one at a time, aborted ones skipped at once.
import { expect, test } from 'vitest';
import { Queue } from '../../dist/runtime/queue.js';

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
