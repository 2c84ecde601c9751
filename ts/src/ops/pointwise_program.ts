/** Programs of pointwise kernels: what they are, and how two become one. Not here: layouts and records. */
import type { PointwiseProgram, PointwiseStep } from './kernels.js';
import { MOST_OPERANDS, MOST_STEPS, type StepName } from './records.gen.js';

/** What computes f(a, x) as a function of (x, a), to the same bits. */
const TURNED: Partial<Record<StepName, StepName>> = {
  add: 'add',
  sub: 'rsub',
  mul: 'mul',
  div: 'rdiv',
  rsub: 'sub',
  rdiv: 'div',
  min: 'min',
  max: 'max',
};

/** Whether the step is a map by channels, whose argument is a set of constants. */
export function isAffine({ step }: PointwiseStep): boolean {
  return step === 'affine';
}

/** Whether a convolution can take the step as it loads: a cheap one, of numbers, that leaves the zeros of padding as they are. */
export function fitsLoad({ step, args }: PointwiseStep): boolean {
  const [first, second] = args;
  if (step === 'relu') return true;
  // As the record holds it.
  if (step === 'leaky_relu') return Number.isFinite(Math.fround(Number(first)));
  return step === 'clamp' && Number(first) <= 0 && Number(second) >= 0;
}

/** A program over values, whatever stands for a value: operand 0 is where it begins. */
export interface Expression<V> {
  readonly program: PointwiseProgram;
  readonly inputs: readonly V[];
}

/** One step whose arguments are the operands after the first. */
export function ofOperands(step: StepName, args: number): PointwiseProgram {
  return [{ step, args: Array.from({ length: args }, (_, k) => ({ operand: k + 1 })) }];
}

/** The same, begun with `value`, if only the first step reads it, as its argument, and can be turned; else null. */
export function begunWith<V>({ program, inputs }: Expression<V>, value: V): Expression<V> | null {
  if (inputs[0] === value) return { program, inputs };
  const at = inputs.indexOf(value);
  const [first, ...rest] = program;
  const turned = first === undefined ? undefined : TURNED[first.step];
  const [argument] = first?.args ?? [];
  if (turned === undefined || typeof argument !== 'object' || argument.operand !== at) return null;
  if (rest.some(({ args }) => args.some((one) => typeof one === 'object' && one.operand === at))) return null;
  const begun: PointwiseStep = { step: turned, args: [{ operand: 0 }] };
  // The two change places; what later steps read of the old first operand they find under its new number.
  const swap = (k: number): number => (k === 0 ? at : k === at ? 0 : k);
  const swapped = renamed([begun, ...rest], swap);
  return { program: swapped, inputs: inputs.map((_, k) => inputs[swap(k)] as V) };
}

function renamed(program: PointwiseProgram, rename: (operand: number) => number): PointwiseProgram {
  return program.map(({ step, args }) => ({
    step,
    args: args.map((one) => (typeof one === 'object' ? { operand: rename(one.operand) } : one)),
  }));
}

/** Without an operand that no step names. */
export function withoutOperand<V>({ program, inputs }: Expression<V>, gone: number): Expression<V> {
  return {
    program: renamed(program, (operand) => (operand > gone ? operand - 1 : operand)),
    inputs: inputs.filter((_, k) => k !== gone),
  };
}

/** `after` with `before` in the place of its operand 0, each value once; null where that is no program any more. Of no steps, `before` is its operand 0. */
export function joined<V>(before: Expression<V>, after: Expression<V>): Expression<V> | null {
  const reads = after.program.some(({ args }) =>
    args.some((one) => typeof one === 'object' && one.operand === 0),
  );
  // What begins the whole is another value than what the steps of `before` have made.
  if ((reads && before.program.length > 0) || before.program.length + after.program.length > MOST_STEPS)
    return null;
  const inputs = [...new Set([...before.inputs, ...after.inputs.slice(1)])];
  if (inputs.length > MOST_OPERANDS) return null;
  const place =
    ({ inputs: own }: Expression<V>) =>
    (operand: number) =>
      inputs.indexOf(own[operand] as V);
  const program = [...renamed(before.program, place(before)), ...renamed(after.program, place(after))];
  return { program, inputs };
}
