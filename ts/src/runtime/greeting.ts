/**
 * The first word of a worker: that it is one of gouache's, and of which version. The address that a bundler gives the worker may be a script
 * of the user's own, to which nothing of ours must be said, and what it says is not for us.
 */
import type { Port } from '../platform/port.js';

/** A worker's first message. A test compares the version with the package's. */
export const GREETING = { gouache: '0.1.0' } as const;

/** A worker that was started and may turn out to be something else. */
export interface Newcomer<Sent, Heard> {
  /** Resolves when it has greeted; rejects with the reason when it is no worker of this version, or gone before. */
  readonly greeted: Promise<void>;
  /** The way to it. `listen` hears what comes after the greeting, and of a death that came before it. */
  readonly port: Port<Sent, Heard>;
}

/** Listens for the greeting. `isOurs` tells messages of ours from others, which are dropped. */
export function meet<Sent, Heard>(
  port: Port<Sent, unknown>,
  isOurs: (message: unknown) => message is Heard,
): Newcomer<Sent, Heard> {
  let hear: (message: Heard) => void = () => {};
  let die: (reason: string) => void = () => {};
  let death: string | null = null;
  const greeted = new Promise<void>((resolve, reject) => {
    let first = true;
    port.listen(
      (message) => {
        if (!first) {
          if (isOurs(message)) hear(message);
          return;
        }
        first = false;
        const refusal = refusalOf(message);
        if (refusal === null) resolve();
        else reject(new Error(refusal));
      },
      (reason) => {
        death ??= reason;
        reject(new Error(reason));
        die(reason);
      },
    );
  });
  greeted.catch(() => {});
  return {
    greeted,
    port: {
      ...port,
      listen(onMessage, onDeath) {
        hear = onMessage;
        die = onDeath;
        if (death !== null) onDeath(death);
      },
    },
  };
}

function refusalOf(message: unknown): string | null {
  const version: unknown = (message as { readonly gouache?: unknown } | null | undefined)?.gouache;
  if (version === GREETING.gouache) return null;
  if (typeof version !== 'string') return 'the script there is not the worker of gouache';
  return `the worker there is of gouache ${version}, not ${GREETING.gouache}`;
}
