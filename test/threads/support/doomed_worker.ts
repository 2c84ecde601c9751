/** The package's own worker with a fault built in: what goes wrong, and in which of an engine's workers. */
import { readFileSync } from 'node:fs';

/** Ways for a worker to go wrong in the middle of a run. */
export const DEATHS = {
  traps:
    'new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,5,1,3,0,0,11))).exports.f();',
  throws: "throw new Error('told to die');",
  exits: 'process.exit(7);',
} as const;

/** Ways to stand still in the middle of a run. */
export const STANDSTILLS = {
  spins: 'for (;;);',
  sleeps: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
} as const;

const packaged = readFileSync(new URL('../../../dist/platform/gouache_worker.js', import.meta.url), 'utf8');

/** The address of the package's worker with `prelude` run before it. */
export function workerAfter(prelude: string): string {
  return `data:text/javascript,${encodeURIComponent(`{ ${prelude} }\n${packaged}`)}`;
}

/**
 * A worker that meets its end in a kernel call.
 * @param victim the index of the thread that goes wrong; the others work
 * @param calls how many calls it serves before
 */
export function doomedWorker(end: string, victim: number, calls: number): string {
  return workerAfter(`
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = async (...given) => {
      const { exports } = await instantiate(...given);
      let calls = 0;
      const plan_run = (plan, words, tiles, worker) => {
        if (worker === ${victim} && calls++ >= ${calls}) { ${end} }
        return exports.plan_run(plan, words, tiles, worker);
      };
      return { exports: { ...exports, plan_run } };
    };`);
}
