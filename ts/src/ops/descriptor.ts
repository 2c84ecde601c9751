/**
 * What a kernel tells the graph: one descriptor a kernel, in a file of its name. `layOut`, `place` and `encode` know kernels only through this.
 * Shape rules and argument checks stand in graph/operators/; a descriptor works on checked nodes.
 * Each file exports its descriptor under the kernel's name in camelCase; ops/index.ts lists them.
 */
import type { Shape } from '../tensor/shape.js';
import type { KernelName, Kernels } from './kernels.js';
import type { Layout } from './layout.js';

/** Where an operand lies: region bits | offset / 16 bytes; 0 is absent. Made by graph/encode.ts only. */
export type Operand = number;

/** A record ready to be encoded: the words of one of the generated writers in records.gen.ts. */
export type RecordWords = Uint32Array;

/** One use of a kernel: its attributes, and its operands' logical shapes; null for an operand that is absent. */
export interface Call<K extends KernelName> {
  readonly attributes: Kernels[K];
  readonly inputs: readonly (Shape | null)[];
  readonly outputs: readonly Shape[];
}

/** How a call's operands lie. */
export interface Layouts {
  /** null for an input that is absent, or that may lie as it lies: opaque values, pixels. */
  readonly inputs: readonly (Layout | null)[];
  readonly outputs: readonly Layout[];
}

/** {@link Call} once every operand has its layout. */
export interface LaidOutCall<K extends KernelName> extends Call<K> {
  readonly layouts: Layouts;
}

export interface Workspace {
  /** Bytes of each temporary in the arena, alive only during this node. */
  readonly temporaryBytes: readonly number[];
  /** Bytes of scratch a worker, for the node's records; 0 for none. */
  readonly scratchBytes: number;
}

export const NO_WORKSPACE: Workspace = { temporaryBytes: [], scratchBytes: 0 };

/** Absent ones are 0. */
export interface Operands {
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly temporaries: readonly Operand[];
  readonly scratch: Operand;
}

export interface OpDescriptor<K extends KernelName> {
  readonly op: K;
  /** The layouts that it takes and gives. `current` is how the inputs lie already (null where they are not made yet): who takes any layout keeps one. */
  layouts(call: Call<K>, current: readonly (Layout | null)[]): Layouts;
  /** Inputs whose storage the output may take over (each element is read before its place is written). */
  readonly inPlace: readonly number[];
  workspace(call: LaidOutCall<K>): Workspace;
  records(call: LaidOutCall<K>, operands: Operands): readonly RecordWords[];
  /** Multiplies and adds of the direct algorithm, for GFLOP/s. */
  flops(call: Call<K>): number;
}
