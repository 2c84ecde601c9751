/**
 * Parameters as initializers under their state-dict keys. Their stored bytes are taken as they are: half precision stays half
 * and gets a Cast to float32, which runtimes compute once, when they load the model.
 */
import { StateDictError, UnsupportedError } from '../errors.js';
import type { Parameter } from '../graph/parameter.js';
import { denseStrides, numel, sameShape } from '../tensor/shape.js';
import { storedBytes, type WeightDtype, weightDtype } from '../tensor/stored.js';
import type { GraphBuilder, OnnxName } from './builder.js';
import { ELEMENT, type ElementCode } from './codes.js';

const ELEMENTS = {
  F32: ELEMENT.FLOAT,
  F16: ELEMENT.FLOAT16,
  BF16: ELEMENT.BFLOAT16,
  F64: ELEMENT.DOUBLE,
} as const satisfies Record<WeightDtype, ElementCode>;

export class Weights {
  readonly #builder: GraphBuilder;
  readonly #made = new Map<Parameter, OnnxName>();

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /**
   * A parameter as float32, made at its first use.
   * @param name its state-dict key, or the layer that uses it and its role
   * @throws {@link StateDictError} when it has no values
   * @throws {@link UnsupportedError} for values that are a strided view, or integers
   */
  float32(parameter: Parameter, name: string): OnnxName {
    const known = this.#made.get(parameter);
    if (known !== undefined) return known;
    const made = this.#make(parameter, name);
    this.#made.set(parameter, made);
    return made;
  }

  #make({ stored }: Parameter, key: string): OnnxName {
    const op = 'exportOnnx';
    if (stored === null) {
      throw new StateDictError('a parameter without values', {
        op,
        got: key,
        missing: [key],
        hint: 'Call loadStateDict first.',
      });
    }
    const { bytes, shape, strides } = stored;
    const dtype = weightDtype(stored.dtype, `${op}: ${key}`);
    const element = ELEMENTS[dtype];
    const filled = numel(shape) > 1 && strides.every((stride) => stride === 0);
    if (!filled && !sameShape(strides, denseStrides(shape))) {
      throw new UnsupportedError('a parameter whose values are a strided view', {
        op,
        got: `${key}, strides [${strides}]`,
        wanted: `dense values, strides [${denseStrides(shape)}]`,
      });
    }
    const held = bytes.subarray(0, storedBytes(dtype, filled ? 1 : numel(shape)));
    const name = this.#builder.tensor(key, { element, shape: filled ? [1] : shape, bytes: held });
    const whole = filled ? this.#builder.node('Expand', key, [name, this.#builder.int64(shape)]) : name;
    return dtype === 'F32' ? whole : this.#builder.node('Cast', key, [whole], { to: ELEMENT.FLOAT });
  }
}
