/** A pool worker: takes tiles of whatever plan the host commands through the mailbox, and sleeps in between. It never returns to its event loop. */
import { STATUS_FAULT, STATUS_MORE } from '../graph/records.gen.js';
import { type Instance, instantiateOver } from './instance.js';
import { Mailbox } from './mailbox.js';
import type { FromPoolWorker, ToPoolWorker } from './protocol.js';

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

  async #prepare({ module, memory }: { readonly module: object; readonly memory: object }): Promise<void> {
    try {
      this.#instance = await instantiateOver(module as WebAssembly.Module, memory as WebAssembly.Memory);
      this.#post({ ready: true });
    } catch (error) {
      this.#post({ failed: spell(error) });
    }
  }

  #enter(index: number, mailboxAddress: number): void {
    try {
      if (this.#instance === null) throw new Error('entered before it was ready');
      serve(this.#instance, new Mailbox(this.#instance.memory, mailboxAddress), index);
    } catch (error) {
      // A trap, or a bug of ours: others may wait for this worker at a barrier, so the façade has to end them all.
      this.#post({ failed: spell(error) });
    }
  }
}

function spell(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Runs commands for ever. */
function serve({ exports }: Instance, mailbox: Mailbox, index: number): never {
  for (let last = 0; ; ) {
    const command = mailbox.next(last);
    const { planAddress, planWords } = command;
    let status: number = STATUS_MORE;
    // A tile at a time, so that the heartbeat shows each.
    while (status === STATUS_MORE) {
      mailbox.beat(index);
      status = exports.plan_run(planAddress, planWords, 1, index);
    }
    mailbox.ended(index, command, status === STATUS_FAULT);
    last = command.number;
  }
}
