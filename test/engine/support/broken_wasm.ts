// Modules with gouache's imports and exports that misbehave, written by hand: what the engine does with a trap or a fault.

const I32 = 0x7f;

function section(id: number, ...items: number[][]): number[] {
  const body = [items.length, ...items.flat()];
  return [id, body.length, ...body];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

function body(...code: number[]): number[] {
  return [code.length + 2, 0, ...code, 0x0b];
}

const UNREACHABLE = [0x00];
const returning = (small: number): number[] => [0x41, small];

function moduleBytes(load: number[], run: number[]): Uint8Array<ArrayBuffer> {
  const type = (params: number) => [0x60, params, ...new Array<number>(params).fill(I32), 1, I32];
  const exported = (text: string, index: number) => [...name(text), 0, index];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, type(0), type(2), type(3), type(4)),
    ...section(2, [...name('env'), ...name('memory'), 2, 0, 1]),
    ...section(3, [0], [1], [2], [3]),
    ...section(
      7,
      exported('heap_base', 0),
      exported('plan_load', 1),
      exported('plan_start', 2),
      exported('plan_run', 3),
    ),
    // heap_base returns 65536.
    ...section(10, body(0x41, 0x80, 0x80, 0x04), body(...load), body(...returning(0)), body(...run)),
  ]);
}

/** Accepts every plan and traps when it runs. */
export const trapping = moduleBytes(returning(0), UNREACHABLE);
/** Refuses every plan. */
export const refusing = moduleBytes(returning(3), UNREACHABLE);
/** Valid WebAssembly, but nothing of gouache's. */
export const foreign = Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
