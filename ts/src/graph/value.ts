/** A symbolic value: what `forward` sees. It has a shape and PyTorch's methods, and no numbers. */

import type { Shape } from '../tensor/shape.js';
import { Expression } from './expression.js';
import type { ValueId } from './graph.js';
import type { Recorder } from './recorder.js';

/** What a Value stands for at the moment; an in-place op replaces it. */
export interface Binding {
  readonly id: ValueId;
  readonly shape: Shape;
  readonly dtype: 'float32' | 'uint8';
}

/** A tensor that does not exist yet. Made by a trace only. */
export class Value extends Expression {
  readonly #owner: Recorder;
  #binding: Binding;

  /** For graph/trace.ts only. */
  constructor(owner: Recorder, binding: Binding) {
    super();
    this.#owner = owner;
    this.#binding = binding;
  }

  override get shape(): Shape {
    return this.#binding.shape;
  }

  get dtype(): 'float32' | 'uint8' {
    return this.#binding.dtype;
  }

  /** For graph/trace.ts only: what `value` stands for, or null when another trace made it. */
  static bindingOf(value: Value, owner: Recorder): Binding | null {
    return value.#owner === owner ? value.#binding : null;
  }

  /** For graph/trace.ts only. */
  static rebind(value: Value, binding: Binding): void {
    value.#binding = binding;
  }
}
