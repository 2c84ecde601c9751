/**
 * The most multiplies and adds a second that this machine's WebAssembly reaches: twelve sums in registers and nothing else.
 * What kernels are measured against; it uses no kernel. And memory.copy, which passes over memory are measured against.
 */
import { compileFunction, get, set, tee } from './wasm_bytes.js';

/** Sums: enough to hide the latency of an instruction, few enough for the registers. */
const SUMS = 12;
/** Lanes x multiply and add. */
const FLOPS_A_SUM = 4 * 2;
/** Parameters: steps (i32), factor (f32). Locals after them: the sums, then the factor in all lanes. */
const [STEPS, FACTOR, FIRST_SUM] = [0, 1, 2];
const VECTOR = FIRST_SUM + SUMS;

const [I32, F32, V128] = [0x7f, 0x7d, 0x7b];
const PAGE_BYTES = 65536;

const OP = {
  loop: [0x03, 0x40],
  end: [0x0b],
  brIf0: [0x0d, 0x00],
  i32Const1: [0x41, 0x01],
  i32Sub: [0x6b],
  f32Add: [0x92],
  splat: [0xfd, 0x13],
  lane0: [0xfd, 0x1f, 0x00],
  add: [0xfd, 0xe4, 0x01],
  mul: [0xfd, 0xe6, 0x01],
  relaxedMadd: [0xfd, 0x85, 0x02],
  memoryCopy: [0xfc, 0x0a, 0x00, 0x00],
} as const;

/** (steps, factor) -> sum of sums; each step does sum = sum * factor + factor for every sum. */
function peakFunction(relaxed: boolean): ((steps: number, factor: number) => unknown) | null {
  const sums = Array.from({ length: SUMS }, (_, i) => FIRST_SUM + i);
  const step = (sum: number): number[] =>
    relaxed
      ? [...get(sum), ...get(VECTOR), ...get(VECTOR), ...OP.relaxedMadd, ...set(sum)]
      : [...get(sum), ...get(VECTOR), ...OP.mul, ...get(VECTOR), ...OP.add, ...set(sum)];
  const code = [
    ...[1, SUMS + 1, V128], // one group of locals
    ...[...get(FACTOR), ...OP.splat, ...set(VECTOR)],
    ...[...OP.loop, ...sums.flatMap(step)],
    ...[...get(STEPS), ...OP.i32Const1, ...OP.i32Sub, ...tee(STEPS), ...OP.brIf0, ...OP.end],
    ...sums.flatMap((sum, i) => [...get(sum), ...OP.lane0, ...(i > 0 ? OP.f32Add : [])]),
    ...OP.end,
  ];
  return compileFunction({ name: 'peak', parameters: [I32, F32], results: [F32], code });
}

/** Measures the peak for about 10 ms a call, in parts so short that one of them is left in peace; null where the platform does not compile it. */
export function peakMeter(build: 'simd128' | 'relaxed-simd'): (() => number) | null {
  const run = peakFunction(build === 'relaxed-simd');
  if (run === null) return null;
  run(1e6, 0.5);
  const steps = 50_000;
  return () => {
    let gflops = 0;
    for (let part = 0; part < 10; part++) {
      const start = performance.now();
      const sum = Number(run(steps, 0.5));
      const ms = performance.now() - start;
      // sum = sum / 2 + 1/2 ends at 1.
      if (Math.abs(sum - SUMS) > 1e-3) throw new Error(`the peak loop computed ${sum}, not ${SUMS}`);
      gflops = Math.max(gflops, (steps * SUMS * FLOPS_A_SUM) / ms / 1e6);
    }
    return gflops;
  };
}

/** Copies `bytes` from one half of a memory to the other, once a call. */
export function copier(bytes: number): () => void {
  const pages = Math.ceil((2 * bytes) / PAGE_BYTES);
  const [TO, FROM, COUNT] = [0, 1, 2];
  const code = [0, ...get(TO), ...get(FROM), ...get(COUNT), ...OP.memoryCopy, ...OP.end];
  const copy = compileFunction({
    name: 'copy',
    parameters: [I32, I32, I32],
    results: [],
    code,
    pages,
  });
  if (copy === null) throw new Error('this platform has no memory.copy');
  return () => {
    copy(bytes, 0, bytes);
  };
}
