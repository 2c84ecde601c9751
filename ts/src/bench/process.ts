/** A child process of the benchmark, which is stopped whenever it is not asked: thread pools that spin would disturb the others. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answers, Command, Reply, Task } from './protocol.js';

const PROGRAM = fileURLToPath(new URL('./child.js', import.meta.url));
const TIMEOUT_MS = 15 * 60_000;
const KEPT_CHARACTERS = 4000;

/** A Node to run children with. */
export interface NodeProgram {
  readonly path: string;
  readonly version: string;
}

/** A stopped process does not see that its parent has gone: the parent ends it. */
const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

type Waiting = { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void };

export class Child {
  readonly #process: ChildProcess;
  #waiting: Waiting | null = null;
  #noise = '';
  #ended: string | null = null;

  constructor(node: NodeProgram, task: Task) {
    this.#process = spawn(node.path, [PROGRAM, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    living.add(this.#process);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk) => {
        this.#noise = (this.#noise + String(chunk)).slice(-KEPT_CHARACTERS);
      });
    }
    this.#process.on('message', (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.resolve(reply);
    });
    this.#process.on('error', (error) => this.#fail(error.message));
    this.#process.on('exit', (code, signal) => this.#fail(`the process ended with ${signal ?? code}`));
  }

  #fail(why: string): void {
    living.delete(this.#process);
    this.#ended ??= `${why} ${this.#noise.trim().split('\n').slice(-3).join(' | ')}`.trim();
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(new Error(this.#ended));
  }

  /** Asks one thing; before and after that the process is stopped. */
  async ask<K extends Command['do']>(command: Command & { readonly do: K }): Promise<Answers[K]> {
    if (this.#ended !== null) throw new Error(this.#ended);
    this.#process.kill('SIGCONT');
    const timer = setTimeout(() => {
      this.end();
      this.#fail(`no answer to '${command.do}' in ${TIMEOUT_MS / 60_000} minutes`);
    }, TIMEOUT_MS);
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#process.send(command);
      });
      if (!reply.ok) throw new Error(reply.error);
      return reply.answer as Answers[K];
    } finally {
      clearTimeout(timer);
      if (this.#ended === null) this.#process.kill('SIGSTOP');
    }
  }

  /** Ends the process, stopped or not. */
  end(): void {
    this.#process.kill('SIGKILL');
  }
}
