/** Makes an instance of a gouache wasm module over a memory of our own. The JavaScript that wasm-bindgen writes keeps one instance a realm and is not used. */
import { isLinkError } from '../brand.js';
import { OutOfMemoryError, UnsupportedError } from '../errors.js';
import { messageOf } from '../spell.js';
import { PAGE_BYTES } from './heap.js';
import type { MemoryWish } from './protocol.js';

/** The largest initial size that is tried: far above what any build asks for (its stack, its constants). */
const MOST_INITIAL_PAGES = 1024;
/** A pool worker's stack: as large as the first instance's, which the linker gives it. */
const STACK_BYTES = 2 ** 20;
/** What each pool worker takes of the memory: its stack, and a page of thread-local storage. */
export const WORKER_PAGES = STACK_BYTES / PAGE_BYTES + 1;
/** What only threads builds export. */
const THREADS_EXPORT = '__wbindgen_thread_destroy';

/** The module's exports: numbers in, numbers out. Addresses and sizes come back as signed 32-bit numbers. */
export interface WasmExports {
  heap_base(): number;
  plan_load(plan_ptr: number, plan_words: number): number;
  plan_start(plan_ptr: number, plan_words: number, workers: number): number;
  plan_run(plan_ptr: number, plan_words: number, tile_budget: number, worker: number): number;
  __wbindgen_start?(stack_bytes: number): void;
}

export interface Instance {
  readonly exports: WasmExports;
  readonly memory: WebAssembly.Memory;
}

/** An instance over a memory of its own. */
export interface FirstInstance extends Instance {
  /** What the memory may grow to: less than was asked for where the platform wants it so. */
  readonly maximumPages: number;
  /** Whether other instances may use the memory too. */
  readonly shared: boolean;
}

/** Whether the module is a threads build, which wants a shared memory. */
export function isThreadsBuild(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.exports(module).some(({ name }) => name === THREADS_EXPORT);
}

function foreign(got: string): UnsupportedError {
  return new UnsupportedError('this module is not one of gouache', {
    op: 'Engine.create',
    got,
    wanted: 'a module that imports one memory and exports heap_base, plan_load, plan_start and plan_run',
    hint: 'Pass a file of gouache/wasm/*.wasm of the same version.',
  });
}

/** A memory with the largest maximum that the platform accepts: it may want to set that much address space aside at once. */
function makeMemory(
  initial: number,
  { maximumPages, shared, noMemoryHint }: MemoryWish,
): { readonly memory: WebAssembly.Memory; readonly maximum: number } {
  for (let maximum = maximumPages; ; maximum = Math.max(initial, Math.floor(maximum / 2))) {
    try {
      return { memory: new WebAssembly.Memory({ initial, maximum, shared }), maximum };
    } catch (cause) {
      if (maximum > initial) continue;
      throw new OutOfMemoryError('the platform gives no memory', {
        op: 'Engine.create',
        wantedBytes: initial * PAGE_BYTES,
        largestSide: null,
        hint: noMemoryHint,
        cause,
      });
    }
  }
}

/**
 * Instantiates `module` over a new memory.
 * @throws {@link UnsupportedError} when the module is not one of gouache's builds
 * @throws {@link OutOfMemoryError} when the platform refuses the memory
 */
export async function instantiate(module: WebAssembly.Module, wish: MemoryWish): Promise<FirstInstance> {
  mustImportMemory(module);
  const { initialPages, maximumPages, shared } = wish;
  for (let initial = Math.min(initialPages, maximumPages); ; initial *= 2) {
    const { memory, maximum } = makeMemory(Math.min(initial, maximumPages), wish);
    try {
      return { ...(await instantiateOver(module, memory)), maximumPages: maximum, shared };
    } catch (error) {
      if (!isLinkError(error)) throw error;
      if (initial >= Math.min(MOST_INITIAL_PAGES, maximumPages)) throw foreign(messageOf(error));
    }
  }
}

/** Instantiates `module` over a memory that other instances may share; theirs and this one's stack lie apart. */
export async function instantiateOver(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<Instance> {
  const { module: from, name } = mustImportMemory(module);
  const instance = await WebAssembly.instantiate(module, { [from]: { [name]: memory } });
  const exports = checked(instance.exports);
  // What wasm-bindgen wants called before anything else. Of several instances, all but the first get stack and thread-local storage here,
  // for which the memory grows.
  exports.__wbindgen_start?.(STACK_BYTES);
  return { exports, memory };
}

function mustImportMemory(module: WebAssembly.Module): WebAssembly.ModuleImportDescriptor {
  const imports = WebAssembly.Module.imports(module);
  const [imported, ...others] = imports;
  if (imported?.kind === 'memory' && others.length === 0) return imported;
  throw foreign(`imports ${imports.map((item) => item.kind).join(', ') || 'nothing'}`);
}

function checked(exports: WebAssembly.Exports): WasmExports {
  for (const name of ['heap_base', 'plan_load', 'plan_start', 'plan_run']) {
    if (typeof exports[name] !== 'function') throw foreign(`no export ${name}`);
  }
  return exports as unknown as WasmExports;
}
