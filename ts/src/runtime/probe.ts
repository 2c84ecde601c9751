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

// (func (export "f") (param f32 f32 f32) (result f32)
//   (f32x4.extract_lane 0 (f32x4.relaxed_madd (f32x4.splat local.get 0) (f32x4.splat local.get 1) (f32x4.splat local.get 2))))
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
  0x7d,
  0x7d,
  0x7d,
  0x01,
  0x7d, // type: (f32, f32, f32) -> f32
  0x03,
  0x02,
  0x01,
  0x00, // one function of type 0
  0x07,
  0x05,
  0x01,
  0x01,
  0x66,
  0x00,
  0x00, // exported as f
  0x0a,
  0x16,
  0x01,
  0x14,
  0x00,
  0x20,
  0x00,
  0xfd,
  0x13,
  0x20,
  0x01,
  0xfd,
  0x13,
  0x20,
  0x02,
  0xfd,
  0x13,
  0xfd,
  0x85,
  0x02,
  0xfd,
  0x1f,
  0x00,
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
  /** Whether its relaxed multiply-add rounds once, which is what the relaxed build is for; null where it has none, or lets nobody ask. */
  readonly fused: boolean | null;
  /** Shared memory and atomics; whether memory can be shared with workers is another question. */
  readonly threads: boolean;
}

/** Asks the platform; where it has no WebAssembly at all, everything is false. */
export function probe(): Features {
  if (typeof WebAssembly !== 'object')
    return { simd: false, relaxedSimd: false, fused: null, threads: false };
  const relaxedSimd = WebAssembly.validate(Uint8Array.from(RELAXED_SIMD));
  return {
    simd: WebAssembly.validate(Uint8Array.from(SIMD)),
    relaxedSimd,
    fused: relaxedSimd ? fuses() : null,
    threads: WebAssembly.validate(Uint8Array.from(THREADS)),
  };
}

/** Whether x * x - 1 keeps the last bit of x * x, which a rounding of its own would drop. */
function fuses(): boolean | null {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(RELAXED_SIMD)));
    const multiplyAdd = exports.f as (a: number, b: number, c: number) => number;
    const x = 1 + 2 ** -12;
    return multiplyAdd(x, x, -1) !== 2 ** -11;
  } catch {
    // Where a policy forbids code, the engine says so later.
    return null;
  }
}
