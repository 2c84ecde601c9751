/** A child of the benchmark: measures one thing, told by its argument, as the main process asks. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { EngineInstrument } from './engine_instrument.js';
import { gouacheLoader } from './gouache_runtime.js';
import type { Instrument } from './instrument.js';
import { KernelInstrument } from './kernel_instrument.js';
import { PairInstrument } from './pair_instrument.js';
import { ROOT } from './places.js';
import type { Answers, Command, Reply, Task } from './protocol.js';
import type { Load } from './runtime.js';
import { BareInstrument, PeakInstrument } from './side_instruments.js';

/** gouache as it is built in a folder. */
function gouacheIn(folder: string): Load {
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return gouacheLoader(readFile, version, pathToFileURL(path.join(folder, 'dist/')));
}

const rivalLoader =
  (name: string): Load =>
  async (task) => {
    const url = new URL(`../../scripts/rivals/${name}.mjs`, import.meta.url);
    const { load } = (await import(url.href)) as { load: Load };
    return load(task);
  };

function instrumentOf(task: Task): Instrument {
  switch (task.subject) {
    case 'peak':
      return new PeakInstrument(task);
    case 'kernel':
      return new KernelInstrument(task);
    case 'bare':
      return new BareInstrument();
    case 'gouache':
      return new EngineInstrument(task, gouacheIn(task.packages?.[0] ?? ROOT));
    case 'pair': {
      const [first, second] = (task.packages ?? []).map((it) => new EngineInstrument(task, gouacheIn(it)));
      if (first === undefined || second === undefined) throw new Error('a pair has two packages');
      return new PairInstrument(first, second);
    }
    default:
      return new EngineInstrument(task, rivalLoader(task.subject));
  }
}

function processStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}

/** Most bytes that this process has held, as Linux counts them; what it holds now where a system or a sandbox does not say. */
function mostMemory(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(processStatus())?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

async function answer(instrument: Instrument, command: Command): Promise<Answers[keyof Answers]> {
  switch (command.do) {
    case 'prepare':
      return await instrument.prepare();
    case 'runs': {
      const runs: (readonly number[])[] = [];
      const start = performance.now();
      do {
        runs.push(await instrument.run());
        // Engines whose workers need this thread's event loop get it, between the runs.
        await setImmediate();
      } while (runs.length < command.most && performance.now() - start < command.ms);
      return runs;
    }
    case 'profile':
      return instrument.profile();
    case 'memory':
      return mostMemory();
    default:
      return command satisfies never;
  }
}

const instrument = instrumentOf(JSON.parse(process.argv[2] ?? '{}') as Task);
process.on('message', (command: Command) => {
  answer(instrument, command).then(
    (value) => process.send?.({ ok: true, answer: value } satisfies Reply),
    (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      process.send?.({ ok: false, error: text } satisfies Reply);
    },
  );
});
// The main process has gone.
process.on('disconnect', () => process.exit(0));
