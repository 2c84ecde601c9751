/** Programs as records have them, and what they cost. */
import type { PointwiseProgram } from './kernels.js';
import { type ProgramFields, STEPS } from './records.gen.js';

/** Fields of a record's program. */
export function programFields(program: PointwiseProgram): ProgramFields {
  const words: Record<string, number> = { steps: program.length };
  program.forEach(({ step, args }, index) => {
    const source = (at: number): number => {
      const argument = args[at];
      return typeof argument === 'object' ? argument.operand + 1 : 0;
    };
    const number = (at: number): number => {
      const argument = args[at];
      return typeof argument === 'number' ? argument : 0;
    };
    words[`step${index}`] = STEPS[step].code | (source(0) << 8) | (source(1) << 16);
    words[`step${index}First`] = number(0);
    words[`step${index}Second`] = number(1);
  });
  // Fields that are not named are 0.
  return words as unknown as ProgramFields;
}

/** Multiplies and adds in whose time a slow step of a program is done to an element. */
const STEP_FLOPS = 150;

/** What steps cost that results do not pass in registers. */
export function programFlops([first, ...others]: PointwiseProgram): number {
  if (first === undefined) return 0;
  const isCheap = first.step === 'relu' || first.step === 'leaky_relu' || first.step === 'clamp';
  return STEP_FLOPS * (others.length + (isCheap ? 0 : 1));
}
