/**
 * What an op tells the graph: one descriptor an op, in a file of the op's name. `place` and `encode` know ops only through this.
 * Shape rules and argument checks stand in nn/functional/, where the user's call is at hand; a descriptor works on checked nodes.
 * Each file exports its descriptor under the op's name in camelCase; ops/index.ts lists them.
 */
import type { Dims, Node, OpName, Shape } from '../graph/ir.js';

/** Where an operand lies: region bits | offset / 16 bytes; 0 is absent. Made by graph/encode.ts only. */
export type Operand = number;

/** A record ready to be encoded: the words of one of the generated writers in graph/records.gen.ts. */
export type RecordWords = Uint32Array;

/** One packed form of a parameter (or of several) in the weights region. */
export interface WeightPacking {
  /** The role this operand is handed to `records` under. */
  readonly role: string;
  /** Roles in `node.weights` that it is made of; absent ones are simply not listed. */
  readonly from: readonly string[];
  /** Names the packed form: equal parameters and equal keys share one copy. Holds every number the form depends on. */
  readonly key: string;
  readonly bytes: number;
  /** Prepare records: dense row-major float32 sources (one operand a `from`, in its order) -> packed destination. */
  records(sources: readonly Operand[], destination: Operand): readonly RecordWords[];
}

/** A node with everything `records` and `workspace` may want to know about shapes. */
export interface NodeShapes {
  readonly inputs: readonly Shape[];
  readonly output: Shape;
}

/** {@link NodeShapes} once `dims` has said how each operand lies in memory. */
export interface PlacedShapes extends NodeShapes {
  readonly dims: { readonly inputs: readonly (Dims | null)[]; readonly output: Dims | null };
  /** Bytes that each input takes as it lies. */
  readonly inputBytes: readonly number[];
}

export interface Workspace {
  /** Bytes of each temporary in the arena, alive only during this node. */
  readonly temporaryBytes: readonly number[];
  /** Bytes of scratch a worker, for the node's records; 0 for none. */
  readonly scratchBytes: number;
}

export interface Operands {
  readonly inputs: readonly Operand[];
  readonly output: Operand;
  /** Where a convolution leaves moments; 0 where nobody asks for them. */
  readonly moments: Operand;
  readonly temporaries: readonly Operand[];
  readonly scratch: Operand;
  /** By {@link WeightPacking.role}; a missing role reads as 0. */
  readonly weights: Readonly<Record<string, Operand>>;
}

export interface OpDescriptor<K extends OpName> {
  readonly op: K;
  /**
   * The factoring that each input and the output has in memory. null for raw bytes (pixels, opaque values); inputs may be left out at the end.
   * `current` is how the inputs lie already (null where not blocked yet); an op that takes any factoring keeps it.
   */
  dims(node: Node<K>, shapes: NodeShapes, current: readonly (Dims | null)[]): PlacedShapes['dims'];
  /** Bytes of the opaque value that a node makes: its output, or a convolution's moments. */
  opaqueBytes?(node: Node<K>, shapes: PlacedShapes): number;
  /** Inputs whose storage the output may take over (each element is read before its place is written). */
  readonly inPlace: readonly number[];
  workspace(node: Node<K>, shapes: PlacedShapes): Workspace;
  weights(node: Node<K>, shapes: PlacedShapes): readonly WeightPacking[];
  records(node: Node<K>, shapes: PlacedShapes, operands: Operands): readonly RecordWords[];
  /** Multiplies and adds of the direct algorithm, for GFLOP/s. */
  flops(node: Node<K>, shapes: PlacedShapes): number;
}
