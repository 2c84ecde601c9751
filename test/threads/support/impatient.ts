/** An engine whose workers may stand still for less than ten seconds: put together as Engine.create does it, which has no option for this. */
import { Engine } from 'gouache';
import { onTestFinished } from 'vitest';
import { loadBuild } from '../../../dist/runtime/builds.js';
import { Executor } from '../../../dist/runtime/executor.js';
import { PlanStore } from '../../../dist/runtime/plan_store.js';
import { startHost } from '../../../dist/runtime/start.js';

/** An engine of `threads` threads from `workerUrl` that ends with the test. */
export async function impatientEngine(workerUrl: string, threads: number, still_ms: number): Promise<Engine> {
  const { client, warnings } = await startHost({
    worker: true,
    workerUrl,
    threads: { count: threads, reason: 'for a test' },
    still_ms,
    load: async (several) => ({
      ...(await loadBuild('simd128', several)),
      shared: several,
      noMemoryHint: '',
    }),
  });
  if (warnings.length > 0) throw new Error(warnings.join('; '));
  const parts = { executor: new Executor(client, await PlanStore.over(client)), info: {} };
  const engine: Engine = Reflect.construct(Engine, [parts]);
  onTestFinished(() => engine.dispose());
  return engine;
}
