/** Makes an instance of a gouache wasm module over a memory of our own. The JavaScript that wasm-bindgen writes keeps one instance a realm and is not used. */
import { OutOfMemoryError, UnsupportedError } from '../errors.js';

const PAGE_BYTES = 65536;
/** The largest initial size that is tried: far above what any build asks for (its stack, its constants). */
const MOST_INITIAL_PAGES = 1024;

/** The module's exports: numbers in, numbers out. Addresses and sizes come back as signed 32-bit numbers. */
export interface WasmExports {
  heap_base(): number;
  plan_load(plan_ptr: number, plan_words: number): number;
  plan_start(plan_ptr: number, plan_words: number, workers: number): number;
  plan_run(plan_ptr: number, plan_words: number, tile_budget: number, worker: number): number;
  __wbindgen_start?(): void;
}

export interface Instance {
  readonly exports: WasmExports;
  readonly memory: WebAssembly.Memory;
}

function foreign(got: string): UnsupportedError {
  return new UnsupportedError('this module is not one of gouache', {
    op: 'Engine.create',
    got,
    wanted: 'a module that imports one memory and exports heap_base, plan_load, plan_start and plan_run',
    hint: 'Pass a file of gouache/wasm/*.wasm of the same version.',
  });
}

function makeMemory(initial: number, maximum: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial, maximum });
  } catch (cause) {
    throw new OutOfMemoryError('the platform gives no memory', {
      op: 'Engine.create',
      wantedBytes: initial * PAGE_BYTES,
      largestSide: null,
      hint: 'Give a smaller maxMemoryBytes.',
      cause,
    });
  }
}

/**
 * Instantiates `module` over a new memory. The memory import's minimum cannot be read from JavaScript, so `initialPages` is a first guess.
 * @throws {@link UnsupportedError} when the module is not one of gouache's single-thread builds
 * @throws {@link OutOfMemoryError} when the platform refuses the memory
 */
export async function instantiate(
  module: WebAssembly.Module,
  initialPages: number,
  maximumPages: number,
): Promise<Instance> {
  const [imported, ...others] = WebAssembly.Module.imports(module);
  if (imported?.kind !== 'memory' || others.length > 0) {
    throw foreign(
      `imports ${
        WebAssembly.Module.imports(module)
          .map((item) => item.kind)
          .join(', ') || 'nothing'
      }`,
    );
  }
  for (let initial = Math.min(initialPages, maximumPages); ; initial *= 2) {
    const memory = makeMemory(Math.min(initial, maximumPages), maximumPages);
    try {
      const instance = await WebAssembly.instantiate(module, {
        [imported.module]: { [imported.name]: memory },
      });
      const exports = checked(instance.exports);
      // What wasm-bindgen wants called before anything else; nothing in a build without threads.
      exports.__wbindgen_start?.();
      return { exports, memory };
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
      if (initial >= Math.min(MOST_INITIAL_PAGES, maximumPages)) throw foreign(error.message);
    }
  }
}

function checked(exports: WebAssembly.Exports): WasmExports {
  for (const name of ['heap_base', 'plan_load', 'plan_start', 'plan_run']) {
    if (typeof exports[name] !== 'function') throw foreign(`no export ${name}`);
  }
  return exports as unknown as WasmExports;
}
