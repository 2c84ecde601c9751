/** From the options of `Engine.create` to a running host: which build, how many threads, where, and why so. */
import { noMemoryHint, sharingRefusal } from '#platform';
import { EngineDisposedError, UnsupportedError } from '../errors.js';
import { type BuildName, chooseBuild, loadBuild, loadGiven, type WasmSource } from './builds.js';
import type { HostClient } from './client.js';
import type { CheckedOptions } from './engine_options.js';
import { isThreadsBuild } from './instance.js';
import { probe } from './probe.js';
import { startHost } from './start.js';
import { chooseThreads, withinMemory } from './threads.js';

/** How an engine runs, and why so. */
export interface EngineInfo {
  /** The build of the kernels, or 'custom' for one that was given. */
  readonly build: BuildName | 'custom';
  readonly buildReason: string;
  /** Threads that compute; with more than one, the build's variant for threads runs. */
  readonly threads: number;
  readonly threadsReason: string;
  /** Where it computes: in workers, or on the thread that made the engine. */
  readonly host: 'worker' | 'caller';
  readonly hostReason: string;
}

export interface LaunchOptions {
  readonly build: string | undefined;
  readonly wasm: WasmSource | undefined;
  readonly worker: boolean;
  readonly checked: CheckedOptions;
}

export interface Launched {
  readonly client: HostClient;
  readonly info: EngineInfo;
}

/**
 * Loads the module and starts a host with it.
 * @throws {@link UnsupportedError} when the platform lacks something, or refuses to compile
 * @throws {@link ArgumentError} when an option cannot be right
 */
export async function launch({ build, wasm, worker, checked }: LaunchOptions): Promise<Launched> {
  const features = probe();
  const chosen = chooseBuild(features, build);
  const given = wasm === undefined ? undefined : await loadGiven(wasm);
  const givenThreads = given === undefined ? undefined : isThreadsBuild(given.module as WebAssembly.Module);
  const unshared = givenThreads === true ? sharingRefusal() : null;
  if (unshared !== null) {
    throw new UnsupportedError('a threads build needs shared memory', {
      op: 'Engine.create',
      got: unshared,
      hint: 'Give { wasm } a build without threads, or leave it out.',
    });
  }
  const wanted = chooseThreads({
    maximumPages: checked.maximumPages,
    asked: checked.threads,
    worker,
    atomics: features.threads,
    given: givenThreads === undefined ? undefined : givenThreads ? 'threads' : 'single',
  });
  const threads = withinMemory(wanted, checked.maximumPages);
  const fewer = threads === wanted ? [] : [`gouache computes with fewer threads: ${threads.reason}`];
  const started = await startHost({
    worker,
    workerUrl: checked.workerUrl,
    threads,
    load: async (several) => {
      const { module, initialPages, maximumPages } = given ?? (await loadBuild(chosen.name, several));
      return {
        module,
        initialPages,
        maximumPages: Math.min(checked.maximumPages, maximumPages),
        noMemoryHint,
        shared: givenThreads ?? several,
      };
    },
  });
  try {
    for (const text of [...fewer, ...started.warnings]) await checked.warn(text);
  } catch (error) {
    await started.client.end(new EngineDisposedError('the engine was never made'));
    throw error;
  }
  const info: EngineInfo = {
    build: given === undefined ? chosen.name : 'custom',
    buildReason: given === undefined ? chosen.reason : 'given with { wasm }',
    threads: started.threads.count,
    threadsReason: started.threads.reason,
    host: started.where,
    hostReason: started.reason,
  };
  return { client: started.client, info };
}
