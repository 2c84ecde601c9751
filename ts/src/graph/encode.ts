/** encode: a placement -> the words of a plan, and the packed weights it needs. Pure; knows ops only through their descriptors. */
import { StateDictError } from '../errors.js';
import type { OpDescriptor, Operand, RecordWords, WeightPacking } from '../ops/descriptor.js';
import { descriptors, type RecordOpName } from '../ops/index.js';
import type { Layout } from '../ops/layout.js';
import { RECORDS } from '../ops/records.gen.js';
import { type ReorderSide, reorderRecord } from '../ops/reorder.js';
import { arenaOperand, assemble, type RelocatableRecord, relocatable } from './assemble.js';
import { type PackedWeight, packedWeight, type WeightSource } from './encode_weight.js';
import type { Node } from './ir.js';
import type { Parameter, ParameterValues } from './parameter.js';
import type { PlacedConstant, Placement, Step } from './place.js';
import type { EncodedPlan } from './plan.js';

export type { PackedWeight } from './encode_weight.js';

/** What a record is called in profiles, and what it costs. */
export interface Row {
  readonly name: string;
  readonly op: string;
  readonly flops: number;
}

export interface Encoded {
  readonly plan: EncodedPlan;
  /** One a record. */
  readonly rows: readonly Row[];
  /** In the order that the plan's relocations count. */
  readonly weights: readonly PackedWeight[];
}

/** Parameters' values at the time of a call. */
export type WeightValues = ReadonlyMap<Parameter, ParameterValues>;

type OpStep = Extract<Step, { kind: 'op' }>;

function side(layout: Layout, other: Layout): ReorderSide {
  if (layout.kind === 'blocked') return { layout: 'blocked', dims: layout.dims };
  // Planar elements have no factoring of their own: the other side's serves, and reads in order.
  if (layout.kind === 'planar' && other.kind === 'blocked') return { layout: 'planar', dims: other.dims };
  throw new RangeError(`no reorder from ${layout.kind} to ${other.kind}`);
}

class Encoder {
  readonly #placement: Placement;
  readonly #values: WeightValues;
  readonly #weights: PackedWeight[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #unset: string[] = [];

  constructor(placement: Placement, values: WeightValues) {
    this.#placement = placement;
    this.#values = values;
  }

  run(): Encoded {
    const constants = this.#placement.constants.map((constant) => this.#constant(constant));
    const records: RelocatableRecord[] = [];
    const rows: Row[] = [];
    for (const step of this.#placement.steps) {
      const made = step.kind === 'op' ? this.#op(step, constants) : this.#reorder(step, constants);
      records.push(...made.records);
      rows.push(...made.rows);
    }
    this.#refuseUnset();
    const { workers, arena_bytes, inputs, outputs } = this.#placement;
    const slot = ({ buffer, bytes }: { buffer: number; bytes: number }) => ({
      offset_bytes: this.#offset(buffer),
      bytes,
    });
    const plan: EncodedPlan = {
      ...assemble(records, { workers, arena_bytes }),
      arena_bytes,
      inputs: inputs.map(slot),
      outputs: outputs.map(slot),
    };
    return { plan, rows, weights: this.#weights };
  }

  #offset(buffer: number): number {
    const placed = this.#placement.buffers[buffer];
    if (placed === undefined) throw new RangeError(`buffer ${buffer} is not placed`);
    return placed.offset_bytes;
  }

  /** Operands of places, constants standing for themselves by their stand-ins. */
  #operands(
    places: readonly (Step['output'] | null)[],
    constants: readonly number[],
    weights: readonly Operand[],
  ): Operand[] {
    return places.map((place) => {
      if (place === null) return 0;
      return 'buffer' in place
        ? arenaOperand(this.#offset(place.buffer))
        : (weights[constants[place.constant] ?? -1] ?? 0);
    });
  }

  #reorder(
    step: Extract<Step, { kind: 'reorder' }>,
    constants: readonly number[],
  ): { records: RelocatableRecord[]; rows: Row[] } {
    const records = relocatable(this.#weights.length, (weights) => {
      const [x = 0, y = 0] = this.#operands([step.input, step.output], constants, weights);
      return [reorderRecord(x, side(step.from, step.to), y, side(step.to, step.from))];
    });
    return { records, rows: [{ name: `%${step.value}`, op: 'reorder', flops: 0 }] };
  }

  #op(step: OpStep, constants: readonly number[]): { records: RelocatableRecord[]; rows: Row[] } {
    const { node, shapes } = step;
    const descriptor = descriptors[node.op] as OpDescriptor<RecordOpName>;
    const roles = descriptor
      .weights(node, shapes)
      .map((packing) => [packing.role, this.#weight(node, packing)] as const);
    const write = (standIns: readonly Operand[]): readonly RecordWords[] =>
      descriptor.records(node, shapes, {
        inputs: this.#operands(step.inputs, constants, standIns),
        output: this.#operands([step.output], constants, standIns)[0] ?? 0,
        moments: this.#operands([step.moments], constants, standIns)[0] ?? 0,
        temporaries: step.temporaries.map((buffer) => arenaOperand(this.#offset(buffer))),
        scratch: step.scratch === null ? 0 : arenaOperand(this.#offset(step.scratch)),
        weights: Object.fromEntries(roles.map(([role, index]) => [role, standIns[index] ?? 0])),
      });
    const records = relocatable(this.#weights.length, write);
    const flops = descriptor.flops(node, shapes);
    const rows = records.map(({ words }, index) => ({
      name: node.name,
      op: RECORDS[words[0] ?? 0]?.name ?? 'unknown',
      flops: index === records.length - 1 ? flops : 0,
    }));
    return { records, rows };
  }

  #constant({ packing, sources }: PlacedConstant): number {
    return this.#add(packing, sources);
  }

  #weight(node: Node, packing: WeightPacking): number {
    const sources = packing.from.map((role) => {
      const parameter = node.weights[role];
      if (parameter === undefined) throw new RangeError(`${node.op} has no weight '${role}'`);
      return { name: `${node.name}.${parameter.key ?? role}`, parameter };
    });
    return this.#add(packing, sources);
  }

  /** Index of the packed weight; equal keys share one. */
  #add(
    packing: WeightPacking,
    sources: readonly { readonly name: string; readonly parameter: Parameter }[],
  ): number {
    const full: WeightSource[] = [];
    for (const { name, parameter } of sources) {
      const { version, stored } = this.#values.get(parameter) ?? parameter.values;
      if (stored === null) this.#unset.push(name);
      else full.push({ name, parameter, version, stored });
    }
    if (full.length < sources.length) return -1;
    const weight = packedWeight(packing, full);
    const known = this.#indexes.get(weight.key);
    if (known !== undefined) return known;
    const index = this.#weights.push(weight) - 1;
    this.#indexes.set(weight.key, index);
    return index;
  }

  #refuseUnset(): void {
    if (this.#unset.length === 0) return;
    const names = [...new Set(this.#unset)];
    const shown = names.slice(0, 8).join(', ');
    throw new StateDictError('parameters without values', {
      op: 'compile',
      got: names.length > 8 ? `${shown}, ... (${names.length} in all)` : shown,
      missing: names,
      hint: 'Load weights first: module.loadStateDict(readSafetensors(bytes).tensors), or parameter.set(tensor).',
    });
  }
}

/**
 * Encodes a placement, with `values` for its parameters; those that are not in it have the values of now.
 * @throws {@link StateDictError} naming every parameter in use that has no values
 * @throws {@link OutOfMemoryError} when the arena is beyond what operands can say (4 GiB)
 */
export function encode(placement: Placement, values: WeightValues = new Map()): Encoded {
  return new Encoder(placement, values).run();
}
