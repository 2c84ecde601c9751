// The four WebAssembly builds of the one source, and which of them this Node would choose. It compiles nothing.

/**
 * @typedef {object} Build
 * @property {string} name
 * @property {boolean} relaxed uses relaxed SIMD
 * @property {boolean} threads imports a shared memory
 */

/** @type {readonly Build[]} */
export const BUILDS = [
  { name: 'simd128', relaxed: false, threads: false },
  { name: 'relaxed-simd', relaxed: true, threads: false },
  { name: 'simd128-threads', relaxed: false, threads: true },
  { name: 'relaxed-simd-threads', relaxed: true, threads: true },
];

/** 4 GiB: as much as 32-bit addresses reach. The engine gives the memory its own, lower bound. */
const MAX_MEMORY_BYTES = 2 ** 32;

/** What a worker's thread-local storage and stack need from outside the module. */
const THREAD_EXPORTS = ['__tls_base', '__tls_size', '__tls_align', '__wasm_init_tls', '__heap_base'];

/**
 * The compiler's flags: target features, and a memory that is imported.
 * @param {Build} build
 */
export function rustFlags(build) {
  const features = ['+simd128', '+bulk-memory', '-reference-types'];
  if (build.relaxed) features.push('+relaxed-simd');
  if (build.threads) features.push('+atomics', '+mutable-globals');
  const flags = [
    `-C target-feature=${features.join(',')}`,
    // Loop strength reduction turns constant offsets into pointers of their own, which spills registers.
    '-C llvm-args=-disable-lsr',
    // memory.fill is a call out of WebAssembly: borders of a few pixels took longer to clear than rows to copy.
    '-C llvm-args=-disable-loop-idiom-memset',
    // Inner loops are made of functions that are always inlined; what else the compiler would inline (250 instructions, by default) were
    // checks and views, once a caller: 5 kB gzipped. A helper of a loop needs its #[inline(always)].
    '-C llvm-args=-inline-threshold=25',
    // Inner loops are vectors already, and the others copies of a few floats: 1.5 kB. Not the vectorizer of straight code (slp), which
    // makes pairs of the float64 lanes in reduce: without it the mean of a plane took twice as long.
    '-C no-vectorize-loops',
    // Dropped: opt-level 2 or -unroll-threshold=150, 3 kB, a Winograd layer of 3 outputs took a tenth longer; -unswitch-threshold=5, 1.2 kB, five
    // pointwise steps took twice as long; -unroll-runtime=false, 1.5 kB, the networks took 0.7 % longer; panics that abort at once, 0.7 kB,
    // which not every compiler from 1.88 on can; wasm-opt -Os, 1 kB, a development dependency of 100 MB. In the source: weights of
    // Winograd's algorithms transformed an axis a call, 2 kB, packing in each run took three times as long.
    '-C link-arg=--import-memory',
    `-C link-arg=--max-memory=${MAX_MEMORY_BYTES}`,
  ];
  if (build.threads) {
    flags.push(
      '-C link-arg=--shared-memory',
      ...THREAD_EXPORTS.map((name) => `-C link-arg=--export=${name}`),
    );
  }
  return flags.join(' ');
}

/** Cargo's arguments that compile core with our own flags: a prebuilt core knows neither atomics nor relaxed SIMD. */
export const BUILD_STD = ['-Z', 'build-std=core,alloc,panic_abort'];

// (func (result v128) three zero vectors, f32x4.relaxed_madd), in its smallest module.
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0,
  253, 15, 65, 0, 253, 15, 253, 133, 2, 11,
]);

/** Whether this process compiles relaxed SIMD (Node 20 only with --experimental-wasm-relaxed-simd). */
export const hasRelaxedSimd = () => WebAssembly.validate(RELAXED_PROBE);

/** The builds that the engine picks from in this Node: which of the two depends on how many threads it is to compute with. */
export function buildsOfThisNode() {
  const name = hasRelaxedSimd() ? 'relaxed-simd' : 'simd128';
  return [name, `${name}-threads`];
}
