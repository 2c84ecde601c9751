/** A child of the benchmark: measures one thing, told by its argument, as the main process asks. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { EngineInstrument } from './engine_instrument.js';
import { gouacheLoader } from './gouache_runtime.js';
import type { Instrument } from './instrument.js';
import type { Answers, Command, Reply, Task } from './protocol.js';
import type { Load } from './runtime.js';
import { BareInstrument, NormInstrument, PeakInstrument } from './side_instruments.js';

function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
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
    case 'norm':
      return new NormInstrument(task);
    case 'bare':
      return new BareInstrument();
    default:
      return new EngineInstrument(
        task,
        task.subject === 'gouache' ? gouacheLoader(readFile, packageVersion()) : rivalLoader(task.subject),
      );
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
      const runs: number[] = [];
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
