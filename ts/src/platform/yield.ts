/** Returning to the event loop and coming back as soon as what waits there is done; shared by both platforms and the worker. */

const global = globalThis as unknown as { readonly setImmediate?: (callback: () => void) => unknown };

/** Resolves after the event loop's next turn. Timers would do as well, but browsers delay nested ones by 4 ms. */
export function yieldNow(): Promise<void> {
  return new Promise((resolve) => {
    const { setImmediate } = global;
    if (setImmediate !== undefined) {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
