/** Steps of a placement -> the words of a plan, in which weights are stand-ins that the host patches. */

import type { Operand } from '../ops/descriptor.js';
import { descriptorOf } from '../ops/index.js';
import { recordOf } from '../ops/records.gen.js';
import { arenaOperand, assemble, type RelocatableRecord, relocatable, standIn } from './assemble.js';
import type { Place, PlacedPort, Placement, Step } from './place.js';
import type { EncodedPlan, Slot } from './plan.js';

/** What a record is called in profiles, and what it costs. */
export interface Row {
  readonly name: string;
  readonly op: string;
  readonly flops: number;
}

/** Words of a placement. @param standsFor the weight that each constant is */
export function encodeSteps(
  placement: Placement,
  standsFor: readonly number[],
): { plan: EncodedPlan; rows: Row[] } {
  const records: RelocatableRecord[] = [];
  const rows: Row[] = [];
  for (const step of placement.steps) {
    const descriptor = descriptorOf(step.node.op);
    const { name } = step.node;
    const flops = descriptor.flops(step.call);
    // A step's own alone: all of them, for each step, would make the work grow with the square of the graph.
    const constants = constantsOf(placement, step);
    const operands = operandsOf(placement, step, (constant) => standIn(constants.indexOf(constant)));
    const made = descriptor.records(step.call, operands).map(relocatable);
    made.forEach(({ words, relocations }, index) => {
      const op = recordOf(words[0] ?? 0)?.name ?? 'unknown';
      rows.push({ name, op, flops: index === made.length - 1 ? flops : 0 });
      const weightOf = (own: number): number => standsFor[constants[own] ?? -1] ?? -1;
      records.push({
        words,
        relocations: relocations.map(({ word, weight }) => ({ word, weight: weightOf(weight) })),
      });
    });
  }
  const { workers, arena_bytes } = placement;
  const slot = ({ place, bytes }: PlacedPort): Slot => ({ offset_bytes: offsetOf(placement, place), bytes });
  const plan = {
    ...assemble(records, { workers, arena_bytes }),
    arena_bytes,
    inputs: placement.inputs.map(slot),
    outputs: placement.outputs.map(slot),
  };
  return { plan, rows };
}

/** The offset in the arena. @throws RangeError for a constant: a mistake inside gouache */
function offsetOf({ buffers }: Placement, { buffer, offset }: Place): number {
  const start = buffers[buffer]?.offset_bytes;
  if (start == null) throw new RangeError(`buffer ${buffer} is not in the arena`);
  return start + offset;
}

/** Constants that the step reads or, in a prepare plan, makes. */
function constantsOf({ buffers }: Placement, { inputs, outputs }: Step): number[] {
  const found = [...inputs, ...outputs].map((place) =>
    place === null ? null : buffers[place.buffer]?.constant,
  );
  return [...new Set(found.filter((constant) => constant != null))];
}

function operandsOf(placement: Placement, step: Step, standInOf: (constant: number) => Operand) {
  const operand = (place: Place | null): Operand => {
    if (place === null) return 0;
    const constant = placement.buffers[place.buffer]?.constant;
    return constant == null ? arenaOperand(offsetOf(placement, place)) : standInOf(constant);
  };
  return {
    inputs: step.inputs.map(operand),
    outputs: step.outputs.map(operand),
    temporaries: step.temporaries.map(operand),
    scratch: operand(step.scratch),
  };
}
