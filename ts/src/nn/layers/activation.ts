/** Layers that work element by element; all that is exported here is public. Of weights only PReLU has some. */

import { checkOptions, flag, number, whole } from '../../check.js';
import { input } from '../../graph/methods/operand.js';
import { type InplaceOptions, relu, sigmoid, tanh } from '../../graph/methods/pointwise.js';
import { Parameter } from '../../graph/parameter.js';
import type { Value } from '../../graph/value.js';
import { storedFill } from '../../tensor/stored.js';
import { hardtanh, leakyRelu, mish, relu6, silu } from '../functional/activation.js';
import {
  type HardtanhOptions,
  hardtanhBounds,
  type LeakyReluOptions,
  slopeOf,
} from '../functional/activation_options.js';
import { prelu } from '../functional/prelu.js';
import { inModule, Module } from '../module.js';

/** A function of one value, in place or not. */
abstract class Activation extends Module {
  /** For nn/snapshot.ts: what lies in private fields never changes. */
  static readonly constantPrivates: boolean = true;
  readonly inplace: boolean;
  readonly #write: (x: Value, options: InplaceOptions) => Value;

  constructor(options: InplaceOptions, op: string, write: (x: Value, options: InplaceOptions) => Value) {
    super();
    checkOptions(options, op, ['inplace']);
    this.inplace = flag(options.inplace, op, 'inplace', false);
    this.#write = write;
  }

  override forward(x: Value): Value {
    return inModule(this, () => this.#write(x, { inplace: this.inplace }));
  }
}

/** max(x, 0). With `{ inplace: true }` the argument itself stands for the result afterwards. */
export class ReLU extends Activation {
  static override readonly kind: string = 'ReLU';

  constructor(options: InplaceOptions = {}) {
    super(options, 'ReLU', relu);
  }
}

/** min(max(x, 0), 6). In place as ReLU. */
export class ReLU6 extends Activation {
  static override readonly kind: string = 'ReLU6';

  constructor(options: InplaceOptions = {}) {
    super(options, 'ReLU6', relu6);
  }
}

/** x * sigmoid(x). In place as ReLU. */
export class SiLU extends Activation {
  static override readonly kind: string = 'SiLU';

  constructor(options: InplaceOptions = {}) {
    super(options, 'SiLU', silu);
  }
}

/** x * tanh(log(1 + exp(x))). In place as ReLU. */
export class Mish extends Activation {
  static override readonly kind: string = 'Mish';

  constructor(options: InplaceOptions = {}) {
    super(options, 'Mish', mish);
  }
}

/** x where it is above 0, elsewhere x times `negativeSlope`. */
export class LeakyReLU extends Module {
  static override readonly kind: string = 'LeakyReLU';
  readonly negativeSlope: number;
  readonly inplace: boolean;

  /** @throws {@link ArgumentError} for a slope that is no number */
  constructor(options: LeakyReluOptions = {}) {
    super();
    this.negativeSlope = slopeOf(options, 'LeakyReLU');
    this.inplace = flag(options.inplace, 'LeakyReLU', 'inplace', false);
  }

  override forward(x: Value): Value {
    const { negativeSlope, inplace } = this;
    return inModule(this, () => leakyRelu(x, { negativeSlope, inplace }));
  }
}

/** min(max(x, minVal), maxVal). */
export class Hardtanh extends Module {
  static override readonly kind: string = 'Hardtanh';
  readonly minVal: number;
  readonly maxVal: number;
  readonly inplace: boolean;

  /** @throws {@link ArgumentError} for bounds that do not go upwards; they may be infinite */
  constructor(options: HardtanhOptions = {}) {
    super();
    [this.minVal, this.maxVal] = hardtanhBounds(options, 'Hardtanh');
    this.inplace = flag(options.inplace, 'Hardtanh', 'inplace', false);
  }

  override forward(x: Value): Value {
    const { minVal, maxVal, inplace } = this;
    return inModule(this, () => hardtanh(x, { minVal, maxVal, inplace }));
  }
}

export interface PReLUOptions {
  /** Slopes: 1, or one a channel (default 1). */
  readonly numParameters?: number;
  /** Of new ones (default 0.25). */
  readonly init?: number;
}

/** x where it is above 0, elsewhere x times its channel's slope. */
export class PReLU extends Module {
  static override readonly kind: string = 'PReLU';
  /** [numParameters] */
  readonly weight: Parameter;

  /** @throws {@link ArgumentError} for numbers that cannot be right */
  constructor(options: PReLUOptions = {}) {
    super();
    checkOptions(options, 'PReLU', ['numParameters', 'init']);
    const count = whole(options.numParameters ?? 1, 'PReLU', 'numParameters', 1);
    this.weight = new Parameter(storedFill(number(options.init ?? 0.25, 'PReLU', 'init'), [count]));
  }

  /** [N, C, ...], or [C] where there is one slope. @throws {@link ShapeError} when the slopes do not suit the channels */
  override forward(x: Value): Value {
    return inModule(this, () => prelu(x, this.weight));
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  static override readonly kind: string = 'Sigmoid';

  override forward(x: Value): Value {
    return inModule(this, () => sigmoid(x));
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
