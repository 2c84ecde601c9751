/** Which instructions this platform compiles, asked with the smallest modules that use them. */

// (func (result v128) i32.const 0 i8x16.splat)
const SIMD = [
  0x00,
  0x61,
  0x73,
  0x6d,
  0x01,
  0x00,
  0x00,
  0x00, // magic, version
  0x01,
  0x05,
  0x01,
  0x60,
  0x00,
  0x01,
  0x7b, // type: () -> v128
  0x03,
  0x02,
  0x01,
  0x00, // one function of type 0
  0x0a,
  0x08,
  0x01,
  0x06,
  0x00,
  0x41,
  0x00,
  0xfd,
  0x0f,
  0x0b,
];

// (func (param v128 v128 v128) (result v128) local.get 0 local.get 1 local.get 2 f32x4.relaxed_madd)
const RELAXED_SIMD = [
  0x00,
  0x61,
  0x73,
  0x6d,
  0x01,
  0x00,
  0x00,
  0x00, // magic, version
  0x01,
  0x08,
  0x01,
  0x60,
  0x03,
  0x7b,
  0x7b,
  0x7b,
  0x01,
  0x7b, // type: (v128, v128, v128) -> v128
  0x03,
  0x02,
  0x01,
  0x00, // one function of type 0
  0x0a,
  0x0d,
  0x01,
  0x0b,
  0x00,
  0x20,
  0x00,
  0x20,
  0x01,
  0x20,
  0x02,
  0xfd,
  0x85,
  0x02,
  0x0b,
];

// (memory 1 1 shared) (func i32.const 0 i32.atomic.load drop)
const THREADS = [
  0x00,
  0x61,
  0x73,
  0x6d,
  0x01,
  0x00,
  0x00,
  0x00, // magic, version
  0x01,
  0x04,
  0x01,
  0x60,
  0x00,
  0x00, // type: () -> ()
  0x03,
  0x02,
  0x01,
  0x00, // one function of type 0
  0x05,
  0x04,
  0x01,
  0x03,
  0x01,
  0x01, // memory: shared, 1 to 1 pages
  0x0a,
  0x0b,
  0x01,
  0x09,
  0x00,
  0x41,
  0x00,
  0xfe,
  0x10,
  0x02,
  0x00,
  0x1a,
  0x0b,
];

/** What the platform can run. */
export interface Features {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /** Shared memory and atomics; whether memory can be shared with workers is another question. */
  readonly threads: boolean;
}

/** Asks the platform; where it has no WebAssembly at all, everything is false. */
export function probe(): Features {
  if (typeof WebAssembly !== 'object') return { simd: false, relaxedSimd: false, threads: false };
  return {
    simd: WebAssembly.validate(Uint8Array.from(SIMD)),
    relaxedSimd: WebAssembly.validate(Uint8Array.from(RELAXED_SIMD)),
    threads: WebAssembly.validate(Uint8Array.from(THREADS)),
  };
}
