/**
 * The trace that is being written, if any: a stack, so that tracing inside a trace is safe.
 * Layers and functions write through this interface; graph/trace.ts implements it. Knows no class, so that everything may import it.
 */
import { ArgumentError } from '../errors.js';
import type { Cell } from './cell.js';
import type { OperatorName, Operators } from './operators/index.js';
import type { Value } from './value.js';

export interface Recorder {
  /** Checks that `x` is a value of this trace or a Parameter, whose value it gives; a concrete Tensor is refused. */
  operand(x: unknown, op: string): Value;
  /**
   * Writes a node and returns its output.
   * @param caller the layer or function that users called, for messages
   * @throws {@link ShapeError} and its kin where the inputs do not suit the operator
   */
  append<K extends OperatorName>(
    op: K,
    inputs: readonly (Value | null)[],
    attributes: Operators[K],
    caller: string,
  ): Value;
  /** Makes `target` stand for `value` from now on, as an in-place op does. */
  rebind(target: Value, value: Value, op: string): void;
  /** Marks both as sharing elements, so that an in-place op on either can be refused. */
  alias(a: Value, b: Value): void;
  /** What the cell holds before the run. */
  read(cell: Cell): Value;
  /** Has a run that ends well leave the value in the cell. */
  write(cell: Cell, value: Value): void;
  /** Runs `body` with nodes named after `module`, by its path, or its `kind` where it has none. */
  scope<T>(module: object, kind: string, body: () => T): T;
}

const stack: Recorder[] = [];

/** Whether a trace is being written. */
export function isTracing(): boolean {
  return stack.length > 0;
}

/**
 * The innermost trace.
 * @throws {@link ArgumentError} outside of any trace: `forward` and the functions see symbolic values only
 */
export function recorder(op: string): Recorder {
  const top = stack[stack.length - 1];
  if (top === undefined) {
    throw new ArgumentError('called outside of a trace, where there are no symbolic values', {
      op,
      wanted: 'a call by the engine',
      hint: 'forward and nn.functional describe a computation; to compute, use: await engine.run(module or function, tensor).',
    });
  }
  return top;
}

/** Runs `body` with `next` as the innermost trace. */
export function withRecorder<T>(next: Recorder, body: () => T): T {
  stack.push(next);
  try {
    return body();
  } finally {
    stack.pop();
  }
}

/** Runs `body` with nodes named after `module` when a trace is being written, and plainly otherwise (so that the op itself can refuse). */
export function inScope<T>(module: object, kind: string, body: () => T): T {
  const top = stack[stack.length - 1];
  return top === undefined ? body() : top.scope(module, kind, body);
}
