/** Layers without weights that work element by element. */

import { checkOptions, flag } from '../../check.js';
import { input } from '../../graph/methods/operand.js';
import { type InplaceOptions, relu, tanh } from '../../graph/methods/pointwise.js';
import type { Value } from '../../graph/value.js';
import { inModule, Module } from '../module.js';

/** max(x, 0). With `{ inplace: true }` the argument itself stands for the result afterwards. */
export class ReLU extends Module {
  static override readonly kind: string = 'ReLU';
  readonly inplace: boolean;

  constructor(options: InplaceOptions = {}) {
    super();
    checkOptions(options, 'ReLU', ['inplace']);
    this.inplace = flag(options.inplace, 'ReLU', 'inplace', false);
  }

  override forward(x: Value): Value {
    return inModule(this, () => relu(x, { inplace: this.inplace }));
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  static override readonly kind: string = 'Tanh';

  override forward(x: Value): Value {
    return inModule(this, () => tanh(x));
  }
}

/** Returns its argument. */
export class Identity extends Module {
  static override readonly kind: string = 'Identity';

  override forward(x: Value): Value {
    return inModule(this, () => input(x, 'Identity'));
  }
}
