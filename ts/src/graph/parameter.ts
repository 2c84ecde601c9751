/** Parameters and buffers: a shape, a version, and stored bytes that are converted and packed by the kernels, never here. */
import { isUint8Array } from '../brand.js';
import { checkOptions, flag } from '../check.js';
import { hintFor } from '../copies.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { shown } from '../spell.js';
import { isShape, numel, sameShape, spell } from '../tensor/shape.js';
import {
  isWeightDtype,
  ownValues,
  type StoredDtype,
  type StoredTensor,
  viewOf,
  weightDtype,
} from '../tensor/stored.js';
import { Tensor } from '../tensor/tensor.js';
import { Expression } from './expression.js';
import { isTracing } from './recorder.js';

/** What a parameter holds at a time. */
export interface ParameterValues {
  /** Raised by every change of the values; packed copies carry it. */
  readonly version: number;
  /** null until values are set or loaded. */
  readonly stored: StoredTensor | null;
}

export interface ParameterOptions {
  /** Name in state dicts, where it is not the property's name. */
  readonly key?: string;
  /** A state dict may lack it (default false); it then keeps its value. */
  readonly optional?: boolean;
}

let parametersMade = 0;

/**
 * A weight of a module, found by walking the module's properties. Without values until they are set or loaded.
 * In `forward` it can be calculated with like any value: `gamma.view(1, C, 1, 1).mul(x)`.
 */
export class Parameter extends Expression {
  override readonly shape: readonly number[];
  /** Whether it was made while a trace was written, as a constant in `forward`. */
  readonly madeInTrace = isTracing();
  /** Distinct for every parameter of this realm. */
  readonly uid: number;
  /** What it holds now; replaced as a whole by every change. */
  values: ParameterValues;
  /** Name in state dicts; null for the property's name. */
  readonly key: string | null;
  /** Whether a state dict may lack it. */
  readonly optional: boolean;

  /** @param values a Tensor or stored bytes, which are copied, or just a shape (then without values until they are loaded) */
  constructor(values: Tensor | StoredTensor | readonly number[], options: ParameterOptions = {}) {
    super();
    checkOptions(options, 'Parameter', ['key', 'optional']);
    const { key = null } = options;
    if (key !== null && typeof key !== 'string')
      throw new ArgumentError('key cannot be right', {
        op: 'Parameter',
        got: shown(key),
        wanted: 'a string',
      });
    if (Array.isArray(values)) {
      if (!isShape(values, 1)) {
        throw new ShapeError('not a shape', {
          op: 'Parameter',
          got: shown(values),
          wanted: 'whole numbers > 0',
        });
      }
      this.shape = Object.freeze([...values]);
      this.values = { version: 0, stored: null };
    } else {
      const stored = this.#own(values as Tensor | StoredTensor);
      this.shape = Object.freeze([...stored.shape]);
      this.values = { version: 0, stored };
    }
    this.key = key;
    this.optional = flag(options.optional, 'Parameter', 'optional', false);
    this.uid = parametersMade++;
  }

  /** The values, if they can be this parameter's. */
  #own(values: Tensor | StoredTensor): StoredTensor {
    const op = 'Parameter';
    if (!(values instanceof Tensor) && !isUint8Array(values?.bytes)) {
      throw new ArgumentError('no values', {
        op,
        got: shown(values),
        wanted: 'a Tensor, a stored tensor or a shape',
        ...hintFor(values),
      });
    }
    const stored = ownValues(values instanceof Tensor ? viewOf(values) : values, op);
    if (!mayHold(this, stored.dtype)) weightDtype(stored.dtype, op);
    return stored;
  }

  /** Raised by every change of the values; packed copies carry it. */
  get version(): number {
    return this.values.version;
  }

  /** null until values are set or loaded. */
  get stored(): StoredTensor | null {
    return this.values.stored;
  }

  /**
   * Replaces the values by a copy of these; the next run uses them.
   * @throws {@link ShapeError} when the shape differs
   * @throws {@link UnsupportedError} when they are integers, or of another dtype that is not converted; a {@link Buffer} takes them
   */
  set(values: Tensor | StoredTensor): void {
    const stored = this.#own(values);
    if (!sameShape(stored.shape, this.shape)) {
      throw new ShapeError('values of another shape', {
        op: 'Parameter.set',
        got: spell(stored.shape),
        wanted: spell(this.shape),
      });
    }
    this.values = { version: this.version + 1, stored };
  }

  numel(): number {
    return numel(this.shape);
  }
}

/** State that is saved but not learned, such as running statistics. It may hold integers, such as `num_batches_tracked`; `forward` may not read those. */
export class Buffer extends Parameter {
  /** Spelled out, because bundlers rename classes, and consoles and messages show it. */
  static override readonly name: string = 'Buffer';
}

/** Whether a parameter may hold such numbers. */
export function mayHold(parameter: Parameter, dtype: StoredDtype): boolean {
  return parameter instanceof Buffer || isWeightDtype(dtype);
}
