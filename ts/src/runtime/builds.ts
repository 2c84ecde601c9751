/** Which build of the kernels is taken, why not a better one, and where its module comes from. */
import { readBytes } from '#platform';
import { isArrayBuffer, isUint8Array, isWasmModule } from '../brand.js';
import { ArgumentError, UnsupportedError } from '../errors.js';
import { messageOf, shown } from '../spell.js';
import { MOST_PAGES } from './heap.js';
import type { Features } from './probe.js';

/** The builds that an engine can choose from, best last. */
export const BUILD_NAMES = ['simd128', 'relaxed-simd'] as const;

/** A build of the kernels: WebAssembly SIMD128, and the same with the relaxed SIMD instructions. Each has a variant for threads. */
export type BuildName = (typeof BUILD_NAMES)[number];

/** A `Response`, spelled out for programs without the DOM's types. */
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A `URL`, spelled out for programs without the platforms' types. */
export interface UrlLike {
  readonly href: string;
}

/** Where a module can come from: a `WebAssembly.Module` (the `object`), its bytes, a URL, or a Response. */
export type WasmSource = Uint8Array | ArrayBuffer | string | UrlLike | ResponseLike | object;

export interface ChosenBuild {
  readonly name: BuildName;
  /** Why this one and not a better one, in words. */
  readonly reason: string;
}

/**
 * The best build that `features` allow, or the one that is asked for.
 * @throws {@link UnsupportedError} when the platform cannot run it
 * @throws {@link ArgumentError} when there is no build of that name
 */
export function chooseBuild(features: Features, asked?: string): ChosenBuild {
  const op = 'Engine.create';
  if (!features.simd) {
    throw new UnsupportedError('this platform has no WebAssembly SIMD', {
      op,
      hint: 'gouache needs it: Node 20.19, Chrome or Edge 91, Firefox 89, Safari 16.4, or newer, on a processor that has SIMD.',
    });
  }
  // Bun is such a platform: the same bits, in the same time.
  const unfused =
    features.fused === false
      ? '; the platform does not fuse multiply-adds, so that this build computes as simd128 does'
      : '';
  if (asked === undefined) {
    if (features.relaxedSimd)
      return { name: 'relaxed-simd', reason: `the best build; the platform has relaxed SIMD${unfused}` };
    return { name: 'simd128', reason: 'relaxed-simd would be faster, but the platform has no relaxed SIMD' };
  }
  const name = BUILD_NAMES.find((build) => build === asked);
  if (name === undefined) {
    throw new ArgumentError('no such build', { op, got: String(asked), wanted: BUILD_NAMES.join(' or ') });
  }
  if (name === 'relaxed-simd' && !features.relaxedSimd) {
    throw new UnsupportedError('this platform has no relaxed SIMD', {
      op,
      got: 'build: relaxed-simd',
      hint: 'Leave build out to take the best one; Node 20 has relaxed SIMD behind --experimental-wasm-relaxed-simd.',
    });
  }
  return { name, reason: `asked for with { build }${name === 'relaxed-simd' ? unfused : ''}` };
}

/** What the chosen build's module declares, and its compiled code. */
export interface LoadedModule {
  /** A `WebAssembly.Module`; not spelled so, because public types may not need the DOM's. */
  readonly module: object;
  /** A first guess at what the memory must have at least. */
  readonly initialPages: number;
  readonly maximumPages: number;
}

/** Bundlers look for these very expressions. */
const CARRIED = {
  simd128: {
    single: () => import('../wasm/simd128.js'),
    threads: () => import('../wasm/simd128-threads.js'),
  },
  'relaxed-simd': {
    single: () => import('../wasm/relaxed-simd.js'),
    threads: () => import('../wasm/relaxed-simd-threads.js'),
  },
} as const satisfies Record<BuildName, unknown>;

/** More than a module of ours asks for (1 MiB of stack and some constants). */
const GUESSED_PAGES = 32;

/**
 * Loads the build that the package carries, in its variant for one thread or for several. Each is a module of its own, so that bundlers split it and only this one is downloaded.
 * @throws {@link UnsupportedError} when the platform refuses to compile it
 */
export async function loadBuild(name: BuildName, threads = false): Promise<LoadedModule> {
  const { wasmBase64, initialPages, maximumPages } = await carried(name, threads ? 'threads' : 'single');
  const bytes = decodeBase64(wasmBase64);
  return { module: await compileBytes(bytes), initialPages, maximumPages };
}

async function carried(name: BuildName, variant: 'single' | 'threads') {
  try {
    return await CARRIED[name][variant]();
  } catch (cause) {
    throw new UnsupportedError('the kernels could not be loaded', {
      op: 'Engine.create',
      got: messageOf(cause),
      hint: 'Where import() fails, as in a service worker, give { wasm }: a module, its bytes, a URL or a Response.',
      cause,
    });
  }
}

interface Base64Decoder {
  fromBase64?(text: string): Uint8Array<ArrayBuffer>;
}

function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  // Newer platforms do it without JavaScript's compilers getting to work on a loop, which takes megabytes.
  const decoded = (Uint8Array as Base64Decoder).fromBase64?.(base64);
  if (decoded !== undefined) return decoded;
  const text = atob(base64);
  // Not Uint8Array.from, which makes a list of all letters first: megabytes too, until the next collection.
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/**
 * Loads the module that the caller gave.
 * @throws {@link ArgumentError} when it is nothing that a module can be made of, or cannot be read
 * @throws {@link UnsupportedError} when the platform refuses to compile it
 */
export async function loadGiven(source: WasmSource): Promise<LoadedModule> {
  const module = isWasmModule(source) ? (source as object) : await compileBytes(await bytesOf(source));
  return { module, initialPages: GUESSED_PAGES, maximumPages: MOST_PAGES };
}

async function compileBytes(bytes: Uint8Array | ArrayBuffer): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    throw new UnsupportedError('the platform refused to compile the kernels', {
      op: 'Engine.create',
      got: messageOf(cause),
      hint: WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)
        ? "A content security policy needs 'wasm-unsafe-eval' in script-src; where nothing may be compiled at run time, as on Cloudflare Workers, give { wasm } a WebAssembly.Module."
        : 'Give { wasm } a file of gouache/wasm/*.wasm, whole.',
      cause,
    });
  }
}

async function bytesOf(source: WasmSource): Promise<Uint8Array | ArrayBuffer> {
  if (isUint8Array(source) || isArrayBuffer(source)) return source;
  const facts = { op: 'Engine.create', wanted: 'wasm: a WebAssembly.Module, its bytes, a URL or a Response' };
  if (typeof (source as Partial<PromiseLike<unknown>> | null)?.then === 'function') {
    throw new ArgumentError('nothing that a module can be made of', {
      ...facts,
      got: 'a Promise',
      hint: 'Await it: { wasm: await fetch(url) }.',
    });
  }
  try {
    if (typeof source === 'string') return await readBytes(source);
    if (source === null || typeof source !== 'object') throw new TypeError(`${shown(source)} is none`);
    if ('arrayBuffer' in source && typeof source.arrayBuffer === 'function') {
      const response = source as ResponseLike;
      if (!response.ok) throw new Error(`status ${response.status}`);
      return await response.arrayBuffer();
    }
    if ('href' in source) return await readBytes(String(source.href));
  } catch (cause) {
    throw new ArgumentError('the wasm file could not be read', { ...facts, got: messageOf(cause), cause });
  }
  throw new ArgumentError('nothing that a module can be made of', { ...facts, got: shown(source) });
}
