/** encode: a placement -> the words of a plan, and the packed weights it needs. */
import type { Parameter } from '../nn/parameter.js';
import type { Placement } from './place.js';
import type { EncodedPlan } from './plan.js';

/** Parameters in the form that kernels read; one copy serves every plan with the same key. */
export interface PackedWeight {
  /** Parameter uids, versions and packing. */
  readonly key: string;
  readonly bytes: number;
  readonly parameters: readonly Parameter[];
  /** The plan that converts and packs, and the stored bytes that are its inputs. Its relocations refer to weight 0, the destination. */
  encode(): { readonly prepare: EncodedPlan; readonly raw: readonly Uint8Array[] };
}

export interface Encoded {
  readonly plan: EncodedPlan;
  /** In the order that the plan's relocations count. */
  readonly weights: readonly PackedWeight[];
}

export declare function encode(placement: Placement): Encoded;
