/** A host on the caller's thread: the same messages, handed over by microtasks instead of a worker's queue. */
import { Host } from './host.js';
import type { FromHost, HostPort } from './protocol.js';

/** Makes the host; `yieldNow` is how it returns to the event loop between slices. */
export function startLocal(yieldNow: () => Promise<void>): HostPort {
  let hear: (message: FromHost) => void = () => {};
  let alive = true;
  const host = new Host(
    (message) => {
      queueMicrotask(() => {
        if (alive) hear(message);
      });
    },
    yieldNow,
    'shared',
  );
  return {
    post: (message) => queueMicrotask(() => host.receive(message)),
    listen(onMessage) {
      hear = onMessage;
    },
    hold() {},
    async terminate() {
      alive = false;
      host.stop();
    },
  };
}
