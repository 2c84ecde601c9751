/** What `encode` makes and the host runs: relocatable bytes. Nothing here refers to a graph, a module or wasm memory. */

/** A word of the plan that holds an offset into a packed weight, to be made absolute by the host. */
export interface Relocation {
  /** Index of the operand's word in {@link EncodedPlan.words}; the word holds the offset inside the weight, in 16-byte units. */
  readonly word: number;
  /** Index of the weight, as the compile request lists them. */
  readonly weight: number;
}

export interface Slot {
  /** Offset in the arena, bytes, a multiple of 16. */
  readonly offset_bytes: number;
  readonly bytes: number;
}

/** A plan over one arena: header, directory, records (crates/kernels/src/plan.rs says how they lie). */
export interface EncodedPlan {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly arena_bytes: number;
  readonly relocations: readonly Relocation[];
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
}
