/** encode: a placement and its constants -> the words of a plan, and the packed weights it needs. Pure; knows kernels only through their descriptors. */
import { StateDictError } from '../errors.js';
import { layoutBytes } from '../ops/layout.js';
import { parametersBehind, type Separated } from './constants.js';
import { encodeSteps, type Row } from './encode_steps.js';
import type { LaidOut } from './lay_out.js';
import type { Parameter, ParameterValues } from './parameter.js';
import type { Placement } from './place.js';
import type { EncodedPlan } from './plan.js';
import { type PackedWeight, packedWeight, type WeightSource } from './prepare.js';

export type { Row } from './encode_steps.js';
export type { PackedWeight } from './prepare.js';

export interface Encoded {
  readonly plan: EncodedPlan;
  /** One a record. */
  readonly rows: readonly Row[];
  /** In the order that the plan's relocations count. */
  readonly weights: readonly PackedWeight[];
}

/** Parameters' values at the time of a call. */
export type WeightValues = ReadonlyMap<Parameter, ParameterValues>;

/**
 * Encodes a placement, with `values` for its parameters; those that are not in it have the values of now.
 * @param laidOut the graph that `separated` was made of
 * @throws {@link StateDictError} naming every parameter in use that has no values
 * @throws {@link OutOfMemoryError} when the arena is beyond what operands can say (4 GiB)
 */
export function encode(
  placement: Placement,
  { laidOut, constants }: { readonly laidOut: LaidOut } & Pick<Separated, 'constants'>,
  values: WeightValues = new Map(),
): Encoded {
  const weights: PackedWeight[] = [];
  /** By key: equal ones are one. */
  const indexes = new Map<string, number>();
  const unset: string[] = [];
  const standsFor = constants.map((constant): number => {
    const sources = parametersBehind(laidOut, constant).map(({ name, parameter }) => ({
      name,
      parameter,
      ...(values.get(parameter) ?? parameter.values),
    }));
    const isSet = (source: (typeof sources)[number]): source is WeightSource => source.stored !== null;
    unset.push(...sources.filter((source) => !isSet(source)).map(({ name }) => name));
    if (!sources.every(isSet)) return -1;
    const weight = packedWeight(laidOut, constant, layoutBytes(constant.layout), sources);
    const index = indexes.get(weight.key) ?? weights.push(weight) - 1;
    indexes.set(weight.key, index);
    return index;
  });
  if (unset.length > 0) throw unsetError(unset);
  const { plan, rows } = encodeSteps(placement, standsFor);
  return { plan, rows, weights };
}

function unsetError(unset: readonly string[]): StateDictError {
  const names = [...new Set(unset)];
  const shown = names.slice(0, 8).join(', ');
  return new StateDictError('parameters without values', {
    op: 'compile',
    got: names.length > 8 ? `${shown}, ... (${names.length} in all)` : shown,
    missing: names,
    hint: 'Load weights first: module.loadStateDict(readSafetensors(bytes).tensors), or parameter.set(tensor).',
  });
}
