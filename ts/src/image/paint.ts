/** A picture's whole way as one graph: pixels in, reflection, the network, crop, pixels out. The kernels convert; here are only sizes and ranges. */
import { hintFor } from '../copies.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { recorder } from '../graph/recorder.js';
import type { Traced } from '../graph/trace.js';
import { Value } from '../graph/value.js';
import type { Model, ValueRange } from '../model/load_model.js';
import { Module } from '../nn/module.js';
import { traceModule } from '../nn/trace.js';
import { shown } from '../spell.js';
import { spell } from '../tensor/shape.js';
import { extendedSides } from './extend.js';
import type { Picture } from './picture.js';

const OP = 'engine.paint';
const LARGEST_BYTE = 255;

const thrice = (number: number) => [number, number, number] as const;

function isRange(range: unknown): range is ValueRange {
  const [low, high] = Array.isArray(range) ? range : [];
  return Number.isFinite(low) && Number.isFinite(high) && low < high;
}

/** The part of a model that painting reads. */
interface Contract extends Pick<Model, 'network' | 'inputRange' | 'outputRange'> {
  readonly inputChannels: 1 | 3;
}

function contractOf(model: Model): Contract {
  const given: Partial<Model> = model ?? {};
  const { network, inputChannels, inputRange, outputRange } = given;
  if (!(network instanceof Module) || !isRange(inputRange) || !isRange(outputRange)) {
    throw new ArgumentError('not a model', {
      op: OP,
      got: network instanceof Module ? `ranges ${shown(inputRange)} and ${shown(outputRange)}` : shown(model),
      wanted:
        '{ network, inputChannels, inputRange: [low, high], outputRange: [low, high] }, as loadModel returns it',
      ...hintFor(network),
    });
  }
  if (inputChannels !== 1 && inputChannels !== 3) {
    throw new ArgumentError('pictures have one or three colours', {
      op: OP,
      got: `a model of ${shown(inputChannels)} input channels`,
      wanted: '1 or 3',
    });
  }
  const [inputLow, inputHigh] = inputRange;
  const [outputLow, outputHigh] = outputRange;
  return {
    network,
    inputChannels,
    inputRange: [inputLow, inputHigh],
    outputRange: [outputLow, outputHigh],
  };
}

type Size = Pick<Picture, 'width' | 'height' | 'channels'>;

/** The painting of a picture of some size. */
export interface Painting {
  readonly network: Module;
  /** Plain data: all that the trace depends on besides the network. */
  readonly asked: unknown;
  /** @throws {@link ShapeError} when the network does not keep the picture's size, or gives other than one or three channels */
  trace(): Traced;
}

/** @throws {@link ArgumentError} when `model` is not one for pictures */
export function paintingOf(model: Model, { width, height, channels }: Size): Painting {
  const contract = contractOf(model);
  const { network, ...asked } = contract;
  const size = { width, height, channels };
  return { network, asked: { ...asked, ...size }, trace: () => traceContract(contract, size) };
}

/**
 * Traces the painting of a picture of this size.
 * @throws what {@link paintingOf} and {@link Painting.trace} throw
 */
export function tracePaint(model: Model, size: Size): Traced {
  return paintingOf(model, size).trace();
}

function traceContract({ network, inputChannels, inputRange, outputRange }: Contract, size: Size): Traced {
  const { width, height, channels } = size;
  const extendedTo = extendedSides(network, inputChannels, { height, width });
  const { height: outputHeight, width: outputWidth } = extendedTo;
  const left = (outputWidth - width) >> 1;
  const top = (outputHeight - height) >> 1;
  const [inputLow, inputHigh] = inputRange;
  const [outputLow, outputHigh] = outputRange;
  const paint = (pixels: Value): Value => {
    const record = recorder(OP);
    const scale = (inputHigh - inputLow) / LARGEST_BYTE;
    const extended = {
      channels,
      width,
      height,
      left,
      top,
      outputChannels: inputChannels,
      outputWidth,
      outputHeight,
    };
    const x = record.append(
      'pixels_in',
      [pixels],
      { ...extended, bgr: false, scale: thrice(scale), offset: thrice(inputLow) },
      OP,
    );
    const y = network.forward(x);
    if (!(y instanceof Value))
      throw new ArgumentError('the network has more than one output', { op: OP, wanted: 'one picture' });
    checkOutput(y.shape, outputHeight, outputWidth);
    const stretch = LARGEST_BYTE / (outputHigh - outputLow);
    const crop = {
      left,
      top,
      width,
      height,
      sourceChannels: channels,
      sourceWidth: width,
      sourceHeight: height,
      bgr: false,
      chroma: false,
      scale: thrice(stretch),
      offset: thrice(-outputLow * stretch),
    };
    return record.append('pixels_out', [y, pixels], crop, OP);
  };
  return traceModule(paint, [{ shape: [height, width, channels], dtype: 'uint8' }], network);
}

function checkOutput(shape: readonly number[], height: number, width: number): void {
  const [n, c, h, w] = shape;
  if (shape.length === 4 && n === 1 && (c === 1 || c === 3) && h === height && w === width) return;
  throw new ShapeError('the network does not give a picture', {
    op: OP,
    got: spell(shape),
    wanted: `[1, 1 or 3, ${height}, ${width}]`,
  });
}
