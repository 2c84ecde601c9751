/** Numbers that any language can repeat: the formula of test/golden/generate_networks.py, and the positions of generate_bench.py. */

const GOLDEN_RATIO = 0x9e3779b9;
const INPUT = 1000;
const POSITIONS = 2000;

/** MurmurHash3's finaliser. */
function fmix32(seed: number): number {
  let h = seed;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const hashed = (t: number, i: number): number => fmix32((i + Math.imul(t, GOLDEN_RATIO)) | 0);

/** Tensor number t of the formula: in [-1, 1), scaled and shifted. */
function uniform(t: number, count: number, scale: number, shift: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => shift + scale * ((hashed(t, i) / 2 ** 32) * 2 - 1));
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** The input of a network, or input number `index`. */
export function formulaInput(shape: readonly number[], index = 0): Float32Array<ArrayBuffer> {
  return uniform(INPUT + index, product(shape), 1, 0);
}

/** Values of a state dict, given its shapes in its order; owners of a 1-D weight are norms. */
export function formulaState(
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, Float32Array<ArrayBuffer>> {
  const state = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [key, shape] of shapes) {
    const weight = key.endsWith('.weight');
    const norm = shapes.get(`${key.slice(0, key.lastIndexOf('.'))}.weight`)?.length === 1;
    const scale = norm ? 0.2 : weight ? Math.sqrt(6 / product(shape.slice(1))) : 0.1;
    state.set(key, uniform(state.size, product(shape), scale, norm && weight ? 1 : 0));
  }
  return state;
}

/** `count` positions in an output of `elems` elements. */
export function samplePositions(count: number, elems: number): number[] {
  return Array.from({ length: count }, (_, i) => hashed(POSITIONS, i) % elems);
}
