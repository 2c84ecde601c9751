/** A picture's whole way as one graph: pixels in, reflection, the network, crop, pixels out. The kernels convert; here are only sizes and ranges. */
import { whole } from '../check.js';
import { hintFor } from '../copies.js';
import { ArgumentError, type ErrorFacts, ShapeError } from '../errors.js';
import { recorder } from '../graph/recorder.js';
import type { Traced } from '../graph/trace.js';
import { Value } from '../graph/value.js';
import type { PaintModel } from '../model/load_model.js';
import { Module } from '../nn/module.js';
import { traceModule } from '../nn/trace.js';
import type { PerChannel } from '../ops/kernels.js';
import {
  channelsOf,
  checkContract,
  type ResolvedContract,
  type ResolvedValues,
  resolveContract,
} from '../picture_contract.js';
import { shown } from '../spell.js';
import { type Shape, spell } from '../tensor/shape.js';
import { extendedSides, type Sides } from './extend.js';
import type { Picture } from './picture.js';

const OP = 'engine.paint';
const LARGEST_BYTE = 255;

/** How a picture is painted, besides how its network is compiled. */
export interface PaintingOptions {
  /** Instead of the model's: see {@link PictureInput.border}. */
  readonly border?: number | undefined;
}

function contractOf(model: PaintModel, { border }: PaintingOptions): ResolvedContract {
  const refuse = (what: string, facts: ErrorFacts) => new ArgumentError(what, { op: OP, ...facts });
  const given: Partial<PaintModel> = model ?? {};
  const { network, pictures } = given;
  if (!(network instanceof Module) || pictures === undefined) {
    throw refuse('not a model', {
      got: shown(model),
      wanted: '{ network, pictures }, as loadModel returns it',
      ...hintFor(network),
    });
  }
  const contract = resolveContract(checkContract(pictures, refuse), refuse);
  if (border === undefined) return contract;
  return { ...contract, input: { ...contract.input, border: whole(border, OP, 'border', 0) } };
}

type Size = Pick<Picture, 'width' | 'height' | 'channels'>;

/** The painting of pictures by a model. */
export interface Painting {
  readonly network: Module;
  /** Plain data: all that a trace depends on besides the network and the size. */
  readonly asked: unknown;
  /** @throws {@link ShapeError} when the network takes no size near the picture's, or gives no picture */
  trace(size: Size): Traced;
}

/** @throws {@link ArgumentError} when `model` is not one for pictures */
export function paintingOf(model: PaintModel, options: PaintingOptions = {}): Painting {
  const contract = contractOf(model, options);
  const { network } = model;
  return {
    network,
    asked: contract,
    trace: ({ width, height, channels }) => traceSize(network, contract, { width, height, channels }),
  };
}

function traceSize(network: Module, contract: ResolvedContract, size: Size): Traced {
  const { input, output } = contract;
  const { width, height, channels } = size;
  const { crop } = output;
  const { sides, border } = input;
  const seen = extendedSides(size, { sides, border, crop }, (tried) => refusalOf(network, contract, tried));
  const left = (seen.width - width) >> 1;
  const top = (seen.height - height) >> 1;
  const paint = (pixels: Value): Value => {
    const record = recorder(OP);
    const x = record.append(
      'pixels_in',
      [pixels],
      {
        channels,
        width,
        height,
        left,
        top,
        outputChannels: channelsOf(input.channelOrder),
        outputWidth: seen.width,
        outputHeight: seen.height,
        bgr: input.channelOrder === 'BGR',
        ...fromLevels(input.values),
      },
      OP,
    );
    const y = between(network, contract, x);
    const scale = scaleOf(y.shape, contract, seen);
    if (scale instanceof ShapeError) throw scale;
    return record.append(
      'pixels_out',
      // A mask has no alpha.
      [y, output.kind === 'mask' ? null : pixels],
      {
        left: (left - crop / 2) * scale,
        top: (top - crop / 2) * scale,
        width: width * scale,
        height: height * scale,
        sourceChannels: channels,
        sourceWidth: width,
        sourceHeight: height,
        bgr: output.channelOrder === 'BGR',
        chroma: output.channelOrder === 'luma',
        ...toLevels(output.values),
      },
      OP,
    );
  };
  return traceModule(paint, [{ shape: [height, width, channels], dtype: 'uint8' }], network);
}

/** Scale and offset from levels to a network's values, by channel. */
function fromLevels(values: ResolvedValues): { readonly scale: PerChannel; readonly offset: PerChannel } {
  if ('range' in values) {
    const [low, high] = values.range;
    const scale = (high - low) / LARGEST_BYTE;
    return { scale: [scale, scale, scale], offset: [low, low, low] };
  }
  const { mean, std } = values;
  return {
    scale: byChannel((c) => 1 / (LARGEST_BYTE * std[c])),
    offset: byChannel((c) => -mean[c] / std[c]),
  };
}

/** Scale and offset from a network's values to levels, by channel. */
function toLevels(values: ResolvedValues): { readonly scale: PerChannel; readonly offset: PerChannel } {
  if ('range' in values) {
    const [low, high] = values.range;
    const scale = LARGEST_BYTE / (high - low);
    const offset = -low * scale;
    return { scale: [scale, scale, scale], offset: [offset, offset, offset] };
  }
  const { mean, std } = values;
  return { scale: byChannel((c) => LARGEST_BYTE * std[c]), offset: byChannel((c) => LARGEST_BYTE * mean[c]) };
}

const byChannel = (number: (channel: 0 | 1 | 2) => number): PerChannel => [number(0), number(1), number(2)];

/** What the network makes of a picture: [1 C H W] both, whatever its layouts, and of its outputs the one that is meant. */
function between(network: Module, { input, output }: ResolvedContract, x: Value): Value {
  const given = input.layout === 'NHWC' ? x.permute(0, 2, 3, 1) : x;
  const y = outputOf(network.forward(given), output.which);
  return output.layout === 'NHWC' && y.shape.length === 4 ? y.permute(0, 3, 1, 2) : y;
}

/** Of what `forward` returns, the painting. */
function outputOf(given: unknown, which: number | string | null): Value {
  if (which === null) {
    if (given instanceof Value) return given;
    throw new ArgumentError('the network has more than one output', {
      op: OP,
      got: shown(given),
      wanted: 'one picture',
      hint: 'Which one it is, pictures.output.which says.',
    });
  }
  const hasKeys = given !== null && typeof given === 'object' && !(given instanceof Value);
  const isListed = hasKeys && Array.isArray(given) === (typeof which === 'number');
  const picked: unknown = isListed ? Object.entries(given).find(([key]) => key === String(which))?.[1] : null;
  if (picked instanceof Value) return picked;
  throw new ArgumentError('the network has no such output', {
    op: OP,
    got: `pictures.output.which: ${shown(which)}`,
    wanted: `one of ${shown(given)}`,
  });
}

/**
 * How many times the picture's sides the network's output has, or the error for sides that are no multiple; `seen` are the sides of its input.
 * @throws {@link ShapeError} when it is no picture at any size
 */
function scaleOf(shape: Shape, { output }: ResolvedContract, seen: Sides): number | ShapeError {
  const [n, c, h = 0, w = 0] = shape;
  const channels = channelsOf(output.channelOrder);
  const [height, width] = [seen.height - output.crop, seen.width - output.crop];
  const scale = output.scale ?? Math.max(1, Math.round(h / height));
  const isPicture = shape.length === 4 && n === 1 && c === channels;
  if (isPicture && h === height * scale && w === width * scale) return scale;
  const error = new ShapeError('the network does not give a picture', {
    op: OP,
    got: spell(shape),
    wanted: spell([1, channels, height * scale, width * scale]),
    hint: 'How its output is a picture, pictures.output says: channelOrder, layout, scale, crop.',
  });
  if (isPicture) return error;
  throw error;
}

/** Why the network does not take a picture of these sides, or null where it does. */
function refusalOf(network: Module, contract: ResolvedContract, seen: Sides): ShapeError | null {
  const { height, width } = seen;
  const shape = [1, channelsOf(contract.input.channelOrder), height, width];
  let traced: Traced;
  try {
    traced = traceModule((x) => between(network, contract, x), [{ shape }], network);
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
  const scale = scaleOf(outputShape(traced), contract, seen);
  return scale instanceof ShapeError ? scale : null;
}

/** The shape of the first output. */
export function outputShape({ graph }: Pick<Traced, 'graph'>): Shape {
  const [output] = graph.outputs;
  return (output === undefined ? undefined : graph.values[output.value]?.shape) ?? [];
}
