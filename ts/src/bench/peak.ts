/**
 * The most multiplies and adds a second that this machine's WebAssembly reaches: twelve sums in registers and nothing else.
 * What kernels are measured against; it uses no kernel.
 */

/** Sums: enough to hide the latency of an instruction, few enough for the registers. */
const SUMS = 12;
/** Lanes x multiply and add. */
const FLOPS_A_SUM = 4 * 2;
/** Parameters: steps (i32), factor (f32). Locals after them: the sums, then the factor in all lanes. */
const [STEPS, FACTOR, FIRST_SUM] = [0, 1, 2];
const VECTOR = FIRST_SUM + SUMS;

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
} as const;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];

/** An unsigned LEB128 number. */
function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

/** Bytes behind their length. */
function sized(bytes: readonly number[]): number[] {
  return [...leb(bytes.length), ...bytes];
}

/** (steps, factor) -> sum of sums; each step does sum = sum * factor + factor for every sum. */
function moduleBytes(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const sums = Array.from({ length: SUMS }, (_, i) => FIRST_SUM + i);
  const step = (sum: number): number[] =>
    relaxed
      ? [...get(sum), ...get(VECTOR), ...get(VECTOR), ...OP.relaxedMadd, ...set(sum)]
      : [...get(sum), ...get(VECTOR), ...OP.mul, ...get(VECTOR), ...OP.add, ...set(sum)];
  const code = [
    ...[1, SUMS + 1, 0x7b], // one group of locals, all v128
    ...[...get(FACTOR), ...OP.splat, ...set(VECTOR)],
    ...[...OP.loop, ...sums.flatMap(step)],
    ...[...get(STEPS), ...OP.i32Const1, ...OP.i32Sub, ...tee(STEPS), ...OP.brIf0, ...OP.end],
    ...sums.flatMap((sum, i) => [...get(sum), ...OP.lane0, ...(i > 0 ? OP.f32Add : [])]),
    ...OP.end,
  ];
  const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)];
  const name = [...new TextEncoder().encode('peak')];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 2, 0x7f, 0x7d, 1, 0x7d]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...sized(name), 0x00, 0]),
    ...section(10, [1, ...sized(code)]),
  ]);
}

/** One of the two ways to multiply and add. */
export class Peak {
  readonly #run: (steps: number, factor: number) => number;
  /** The best so far. */
  gflops = 0;

  private constructor(run: (steps: number, factor: number) => number) {
    this.#run = run;
    this.#run(1e6, 0.5);
  }

  /** null where the platform doesn't compile it. */
  static create(relaxed: boolean): Peak | null {
    const bytes = moduleBytes(relaxed);
    if (!WebAssembly.validate(bytes)) return null;
    const { peak } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    if (typeof peak !== 'function') throw new Error('the peak module has no function');
    return new Peak((steps, factor) => Number(peak(steps, factor)));
  }

  /** Measures for about 10 ms, in parts so short that one of them is left in peace. */
  measure(): void {
    const steps = 50_000;
    for (let part = 0; part < 10; part++) {
      const start = performance.now();
      const sum = this.#run(steps, 0.5);
      const ms = performance.now() - start;
      // sum = sum / 2 + 1/2 ends at 1.
      if (Math.abs(sum - SUMS) > 1e-3) throw new Error(`the peak loop computed ${sum}, not ${SUMS}`);
      this.gflops = Math.max(this.gflops, (steps * SUMS * FLOPS_A_SUM) / ms / 1e6);
    }
  }
}
