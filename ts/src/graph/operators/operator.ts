/** What an operator is: one of these a file, under the operator's name in camelCase; index.ts lists them. */
import type { Kernels } from '../../ops/kernels.js';
import type { Shape } from '../../tensor/shape.js';
import type { ValueId } from '../graph.js';

/** A value as its shape and its kind of numbers. */
export interface ValueType {
  readonly shape: Shape;
  readonly dtype: 'float32' | 'uint8';
}

/** One use of an operator; null for an operand that is absent. */
export interface Use<A> {
  readonly attributes: A;
  readonly inputs: readonly (Shape | null)[];
  readonly outputs: readonly Shape[];
}

/** First and last row, both inclusive. Rows are counted along the axis before the last: H of N C H W. */
export interface Rows {
  readonly first: number;
  readonly last: number;
}

/** What an output's rows need of an input: some of its rows, all of it, or nothing (an absent input). */
export type NeededRows = Rows | 'whole' | null;

/** Writes kernel nodes that are named after the operator's. */
export interface Lowering {
  /** The operator's inputs as values of the kernels' graph. */
  readonly inputs: readonly (ValueId | null)[];
  /** The first input. */
  readonly x: ValueId;
  append<K extends keyof Kernels>(
    op: K,
    inputs: readonly (ValueId | null)[],
    attributes: Kernels[K],
    shape: Shape,
    dtype?: 'float32' | 'uint8' | 'opaque',
  ): ValueId;
  /** The same elements under another shape. */
  view(x: ValueId, shape: Shape): ValueId;
}

export interface Operator<A> {
  /** What its inputs are called in messages, in their order. */
  readonly roles: readonly string[];
  /**
   * The outputs' types.
   * @param caller the layer or function that users called, for messages
   * @throws {@link ShapeError} and its kin where the inputs do not suit
   */
  infer(attributes: A, inputs: readonly (ValueType | null)[], caller: string): readonly ValueType[];
  /** The same in kernel nodes: a value for each output. */
  lower(use: Use<A>, to: Lowering): readonly ValueId[];
  /** What rows of the first output need of each input: how far a band of a picture has to reach. */
  rows(use: Use<A>, rows: Rows): readonly NeededRows[];
}

/** Float32 numbers of a shape. */
export function floats(shape: Shape): ValueType {
  return { shape, dtype: 'float32' };
}

/** The shape of an input that must be there. @throws RangeError otherwise: a mistake inside gouache */
export function shapeAt<T extends Shape | ValueType>(inputs: readonly (T | null)[], index: number): Shape {
  const input = inputs[index];
  if (input === null || input === undefined) throw new RangeError(`no input ${index}`);
  return 'shape' in input ? input.shape : input;
}

/** For operators whose rows need the same rows of every input, and all of those that have no or one row. */
export function sameRows({ inputs }: Pick<Use<unknown>, 'inputs'>, rows: Rows): NeededRows[] {
  return inputs.map((shape) => {
    if (shape === null) return null;
    return (shape.at(-2) ?? 1) === 1 ? 'whole' : rows;
  });
}

/** For operators whose rows need everything. */
export function allRows({ inputs }: Pick<Use<unknown>, 'inputs'>): NeededRows[] {
  return inputs.map((shape) => (shape === null ? null : 'whole'));
}
