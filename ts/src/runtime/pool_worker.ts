/** A pool worker: takes tiles of whatever plan the host commands through the mailbox, and sleeps in between. It does not return to its event loop before the engine ends. */
import { STATUS_FAULT, STATUS_MORE } from '../ops/records.gen.js';
import { namedMessageOf } from '../spell.js';
import { type Instance, instantiateOver } from './instance.js';
import { Mailbox } from './mailbox.js';
import type { FromPoolWorker, ToPoolWorker } from './protocol.js';

interface MemoryPort {
  onmessage: ((event: { readonly data: WebAssembly.Memory }) => void) | null;
  close(): void;
}

/** Answers the façade's two messages; the second is never answered. */
export class PoolWorker {
  readonly #post: (message: FromPoolWorker) => void;
  #instance: Instance | null = null;

  constructor(post: (message: FromPoolWorker) => void) {
    this.#post = post;
  }

  receive(message: ToPoolWorker): void {
    if ('prepare' in message) void this.#prepare(message.prepare);
    else this.#enter(message.enter.index, message.enter.mailbox);
  }

  async #prepare({ module, port }: { readonly module: object; readonly port: object }): Promise<void> {
    try {
      const memory = await received(port as MemoryPort);
      this.#instance = await instantiateOver(module as WebAssembly.Module, memory);
      this.#post({ ready: true });
    } catch (error) {
      this.#post({ failed: namedMessageOf(error) });
    }
  }

  #enter(index: number, mailbox: SharedArrayBuffer): void {
    try {
      if (this.#instance === null) throw new Error('entered before it was ready');
      serve(this.#instance, new Mailbox(mailbox), index);
    } catch (error) {
      // A trap, or a bug of ours: others may wait for this worker at a barrier, so the façade has to end them all.
      this.#post({ failed: namedMessageOf(error) });
    }
  }
}

/** The memory that the host sends. */
function received(port: MemoryPort): Promise<WebAssembly.Memory> {
  return new Promise((resolve) => {
    port.onmessage = ({ data }) => {
      port.close();
      resolve(data);
    };
  });
}

/** Runs commands until the mailbox is closed. */
function serve({ exports }: Instance, mailbox: Mailbox, index: number): void {
  let command = mailbox.next(0);
  while (command !== null) {
    const { planAddress, planWords } = command;
    let status: number = STATUS_MORE;
    // A tile at a time, so that the heartbeat shows each.
    while (status === STATUS_MORE) {
      mailbox.beat(index);
      status = exports.plan_run(planAddress, planWords, 1, index);
    }
    mailbox.ended(index, command, status === STATUS_FAULT);
    command = mailbox.next(command.number);
  }
}
